//! The content of a notebook file, without its private cells.
//!
//! Its end is read at once, for the tile and the summary. The rest stays bytes until a caller
//! asks for more: as values it takes several times as much memory, and hundreds of versions
//! may wait for a disk.

use std::sync::Arc;

use shared::{
    incremental::PreparedCells,
    notebook::{Cell, Notebook, NotebookEnd, ParseError},
    sanitize::Ammonia,
};

use super::TailLimits;
use crate::homes::NotebookFile;

/// The content of a notebook file that was read: all its bytes, and its end. A clone is the
/// same one.
#[derive(Clone, Debug)]
pub struct NotebookContent {
    whole: NotebookBytes,
    end: Arc<NotebookEnd>,
    prepared: Arc<PreparedCells>,
}

/// The bytes of a whole notebook, which are known to parse. A clone is the same one.
#[derive(Clone, Debug)]
pub struct NotebookBytes(Arc<Vec<u8>>);

impl NotebookContent {
    /// Reads `file`, and of its end as much as `limits` say. Cells that did not change are taken
    /// from `before`, the end of an earlier version.
    ///
    /// # Errors
    /// When the file is no notebook.
    pub fn parse(
        file: NotebookFile,
        limits: TailLimits,
        before: Option<&PreparedCells>,
    ) -> Result<Self, ParseError> {
        let (bytes, end) = file.content_and_end(limits.cells)?;
        let tail = end.tail.trim(limits.lines);
        let prepared = PreparedCells::of(&tail, end.total_cells - tail.len(), &Ammonia, before);
        // Their state may be large, and what is shown of it is in the cells by now.
        let tail = tail.without_widgets();
        Ok(Self {
            whole: NotebookBytes(Arc::new(bytes)),
            end: Arc::new(NotebookEnd { tail, ..end }),
            prepared: Arc::new(prepared),
        })
    }

    /// The whole notebook.
    #[must_use]
    pub fn whole(&self) -> &NotebookBytes {
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

impl NotebookBytes {
    /// The bytes as they are on disk, without private cells.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Applies `look` to each cell; the cells are read one after the other.
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
