//! The sheet of cards that participants are given, and the table of the same.

use qrcodegen::{QrCode, QrCodeEcc};
use shared::users::{AccountsKind, AccountsSummary, UserCredentials};

use crate::html;
use crate::html::Html;

/// Light around a code, in its squares, without which cameras do not find it.
const QUIET_ZONE: i32 = 2;

/// The sheet of cards: for each participant the address, the name and the password, to be cut
/// apart.
pub fn cards(users: &[UserCredentials], address: &str, accounts: &AccountsSummary) -> Html {
    let code = qr_code(address);
    let own = match (&accounts.provider, accounts.kind) {
        (_, AccountsKind::Shared) => "the one that your instructor tells you".to_owned(),
        (Some(provider), AccountsKind::Outside) => format!("yours of {provider}"),
        _ => "the one that you sign in with".to_owned(),
    };
    let cards = users.iter().map(|user| {
        html!(
            "<li class=login-card><div><p class=card-address>{}</p><dl><dt>Name</dt><dd>{}</dd>\
             <dt>Password</dt><dd>{}</dd></dl></div>{}</li>",
            address,
            user.username,
            user.password.as_deref().unwrap_or(&own),
            code
        )
    });
    cards.collect()
}

/// The address as a QR code. An address that is too long for one has none.
fn qr_code(address: &str) -> Html {
    let Ok(code) = QrCode::encode_text(address, QrCodeEcc::Medium) else {
        return Html::default();
    };
    let mut path = String::new();
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                path += &format!("M{} {}h1v1h-1z", x + QUIET_ZONE, y + QUIET_ZONE);
            }
        }
    }
    let size = i64::from(code.size() + 2 * QUIET_ZONE);
    html!(
        "<svg class=qr viewBox=\"0 0 {} {}\" role=img aria-label=\"QR code of the address\">\
         <path d=\"{}\"/></svg>",
        size,
        size,
        path
    )
}

/// Names and passwords as a table for other programs. A field that a spreadsheet would take for a
/// formula begins with a space.
pub fn csv(users: &[UserCredentials], address: &str) -> String {
    let quoted = |text: &str| {
        let space = if text.starts_with(['=', '+', '-', '@']) {
            " "
        } else {
            ""
        };
        format!("\"{space}{}\"", text.replace('"', "\"\""))
    };
    let mut csv = "username,password,address\r\n".to_owned();
    for user in users {
        let password = user.password.as_deref().unwrap_or_default();
        let fields = [&user.username, password, address].map(quoted);
        csv += &fields.join(",");
        csv += "\r\n";
    }
    csv
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(name: &str, password: &str) -> UserCredentials {
        UserCredentials {
            username: name.to_owned(),
            password: Some(password.to_owned()),
        }
    }

    #[test]
    fn cards_hold_what_one_signs_in_with_and_no_markup_of_it() {
        let accounts = AccountsSummary::default();
        let html = cards(
            &[credentials("alice", "<b>&")],
            "https://hub.example/",
            &accounts,
        );
        assert!(html.contains("<dd>alice</dd>") && html.contains("<dd>&lt;b&gt;&amp;</dd>"));
        assert!(html.contains("https://hub.example/") && html.contains("<svg class=qr"));
        assert!(qr_code(&"x".repeat(5_000)).is_empty());
    }

    #[test]
    fn a_table_holds_any_password() {
        let table = csv(&[credentials("alice", "a\",b")], "https://hub.example/");
        let line = "\"alice\",\"a\"\",b\",\"https://hub.example/\"\r\n";
        assert!(table.ends_with(line), "{table}");
        assert!(csv(&[credentials("bob", "=cmd()")], "").contains("\"bob\",\" =cmd()\""));
    }
}
