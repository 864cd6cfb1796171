//! What a file held that is a notebook, but for its private cells.
//!
//! Its end is read at once, for the tile and the summary. The rest stays bytes until somebody
//! wants more of it: as values it takes several times as much memory, and hundreds of versions
//! may wait for a disk.

use std::sync::Arc;

use shared::{
    incremental::PreparedCells,
    notebook::{Cell, Notebook, NotebookEnd, ParseError},
    sanitize::Ammonia,
};

use super::TailLimits;
use crate::homes::OnDisk;

/// A notebook that was read. A clone is the same one.
#[derive(Clone, Debug)]
pub struct Content {
    whole: Whole,
    end: Arc<NotebookEnd>,
    prepared: Arc<PreparedCells>,
}

/// All of a notebook, as bytes that are known to be one. A clone is the same one.
#[derive(Clone, Debug)]
pub struct Whole(Arc<Vec<u8>>);

impl Content {
    /// What `file` holds, of whose end somebody waits for as much as `limits` say. What did
    /// not change is taken from `before`, the end of an earlier version.
    ///
    /// # Errors
    /// When it is no notebook.
    pub fn parse(
        file: OnDisk,
        limits: TailLimits,
        before: Option<&PreparedCells>,
    ) -> Result<Self, ParseError> {
        let (bytes, end) = file.content_and_end(limits.cells)?;
        let tail = end.tail.trim(limits.lines).without_widgets();
        let prepared = PreparedCells::of(&tail, end.total_cells - tail.len(), &Ammonia, before);
        Ok(Self {
            whole: Whole(Arc::new(bytes)),
            end: Arc::new(NotebookEnd { tail, ..end }),
            prepared: Arc::new(prepared),
        })
    }

    /// All of it.
    #[must_use]
    pub fn whole(&self) -> &Whole {
        &self.whole
    }

    /// The last cells, their long texts cut.
    #[must_use]
    pub fn end(&self) -> &NotebookEnd {
        &self.end
    }

    /// The same cells ready to be rendered.
    #[must_use]
    pub fn prepared_end(&self) -> &Arc<PreparedCells> {
        &self.prepared
    }
}

impl Whole {
    /// As it is on disk, without its private cells.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What `look` makes of each of its cells, which are read one after the other.
    pub fn map_cells<T>(&self, look: impl Fn(&Cell) -> T) -> Vec<T> {
        NotebookEnd::map_cells(&self.0, look)
            .expect("an end was read of the same bytes, which fails alike")
    }

    /// The notebook, parsed for this call.
    #[must_use]
    pub fn parse(&self) -> Notebook {
        let parsed = NotebookEnd::parse(&self.0, usize::MAX);
        parsed
            .expect("an end was read of the same bytes, which fails alike")
            .tail
    }
}
