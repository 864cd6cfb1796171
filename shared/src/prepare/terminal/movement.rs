//! Reads what an escape does besides colours.

/// What an escape does besides colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Movement {
    Up(usize),
    Down(usize),
    Right(usize),
    Left(usize),
    /// To the beginning of a row so many below.
    NextLine(usize),
    /// To the beginning of a row so many above.
    PreviousLine(usize),
    Column(usize),
    /// To a row of the terminal's window.
    Row(usize),
    /// To a row of the terminal's window, and a column.
    Place(usize, usize),
    EraseDisplay(usize),
    EraseLine(usize),
    Insert(usize),
    Delete(usize),
    Erase(usize),
    InsertLines(usize),
    DeleteLines(usize),
    Save,
    Restore,
}

impl Movement {
    pub(super) fn of(escape: &str) -> Option<Self> {
        match escape {
            "\x1b7" => return Some(Self::Save),
            "\x1b8" => return Some(Self::Restore),
            "\x1bD" => return Some(Self::Down(1)),
            "\x1bE" => return Some(Self::NextLine(1)),
            "\x1bM" => return Some(Self::Up(1)),
            _ => {}
        }
        let inside = escape.strip_prefix("\x1b[")?;
        let kind = inside.chars().next_back()?;
        let numbers = &inside[..inside.len() - kind.len_utf8()];
        // Others are private to some terminal, such as those that hide the cursor.
        let is_number = |byte: u8| byte.is_ascii_digit() || byte == b';';
        numbers.bytes().all(is_number).then_some(())?;
        let mut numbers = numbers.split(';');
        let mut number = |default: usize| {
            let number = numbers.next().unwrap_or_default();
            number.parse().unwrap_or(default).min(1 << 20)
        };
        Some(match kind {
            'A' => Self::Up(number(1).max(1)),
            'B' => Self::Down(number(1).max(1)),
            'C' | 'a' => Self::Right(number(1).max(1)),
            'D' => Self::Left(number(1).max(1)),
            'E' => Self::NextLine(number(1).max(1)),
            'F' => Self::PreviousLine(number(1).max(1)),
            'G' | '`' => Self::Column(number(1).saturating_sub(1)),
            'd' => Self::Row(number(1).saturating_sub(1)),
            'H' | 'f' => {
                let row = number(1).saturating_sub(1);
                Self::Place(row, number(1).saturating_sub(1))
            }
            'J' => Self::EraseDisplay(number(0)),
            'K' => Self::EraseLine(number(0)),
            '@' => Self::Insert(number(1).max(1)),
            'P' => Self::Delete(number(1).max(1)),
            'X' => Self::Erase(number(1).max(1)),
            'L' => Self::InsertLines(number(1).max(1)),
            'M' => Self::DeleteLines(number(1).max(1)),
            's' => Self::Save,
            'u' => Self::Restore,
            _ => return None,
        })
    }
}
