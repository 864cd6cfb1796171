//! Which version of a document is shown, which is on its way, and which there is.

use shared::announcements;
use shared::wire::BuiltVersion;

/// A built document: a notebook's summary, or with a participant their export.
pub type Chosen = (String, Option<String>);

/// See the module's words.
#[derive(Clone, Debug, Default)]
pub struct Document {
    chosen: Option<Chosen>,
    shown: Option<BuiltVersion>,
    coming: Option<BuiltVersion>,
    newest: Option<BuiltVersion>,
    /// The reader wants each version as soon as there is one.
    by_itself: bool,
}

impl Document {
    /// Nothing yet, with the reader's choice.
    pub fn new(by_itself: bool) -> Self {
        Self {
            by_itself,
            ..Self::default()
        }
    }

    /// The document that is meant.
    pub fn chosen(&self) -> Option<&Chosen> {
        self.chosen.as_ref()
    }

    /// The version that is shown.
    pub fn shown(&self) -> Option<&BuiltVersion> {
        self.shown.as_ref()
    }

    /// Whether the reader wants each version as soon as there is one.
    pub fn is_by_itself(&self) -> bool {
        self.by_itself
    }

    /// Means another document; whether it is another.
    pub fn choose(&mut self, chosen: Chosen) -> bool {
        if self.chosen.as_ref() == Some(&chosen) {
            return false;
        }
        *self = Self {
            chosen: Some(chosen),
            ..Self::new(self.by_itself)
        };
        true
    }

    /// Whether what was built is this document.
    pub fn is(&self, built: &announcements::BuildAnnouncement) -> bool {
        let is = |(filename, user): &Chosen| *filename == built.filename && *user == built.user;
        self.chosen.as_ref().is_some_and(is)
    }

    /// Whether there is a newer version that the reader may ask for.
    pub fn has_newer(&self) -> bool {
        self.coming.is_none() && self.shown.is_some() && self.is_behind()
    }

    /// The service has said which version there is; the address of what to load.
    pub fn found(&mut self, newest: BuiltVersion) -> Option<String> {
        self.newest = Some(newest);
        let wanted = self.shown.is_none() || self.by_itself;
        wanted.then(|| self.take()).flatten()
    }

    /// The reader wants the newest version; the address of it, unless it is there or on its
    /// way.
    pub fn take(&mut self) -> Option<String> {
        if self.coming.is_some() || !self.is_behind() {
            return None;
        }
        self.coming.clone_from(&self.newest);
        self.coming.as_ref().map(|coming| coming.address.clone())
    }

    /// What was on its way is shown; the address of one that is newer still and wanted.
    pub fn came(&mut self) -> Option<String> {
        self.shown = self.coming.take();
        self.by_itself.then(|| self.take()).flatten()
    }

    /// What was on its way did not come.
    pub fn lost(&mut self) {
        self.coming = None;
    }

    /// The reader's choice; the address of what to load by it.
    pub fn set_by_itself(&mut self, by_itself: bool) -> Option<String> {
        self.by_itself = by_itself;
        by_itself.then(|| self.take()).flatten()
    }

    fn is_behind(&self) -> bool {
        let version = |built: &Option<BuiltVersion>| built.as_ref().map(|it| it.version.clone());
        self.newest.is_some() && version(&self.newest) != version(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(version: &str) -> BuiltVersion {
        BuiltVersion {
            now_ms: 0,
            version: version.to_owned(),
            built_at_ms: 0,
            address: format!("build/{version}"),
        }
    }

    fn shows(number: &str, by_itself: bool) -> Document {
        let mut document = Document::new(by_itself);
        assert!(document.choose(("a.ipynb".to_owned(), None)));
        assert!(document.found(version(number)).is_some());
        assert_eq!(document.came(), None);
        document
    }

    #[test]
    fn the_first_is_shown_and_a_newer_one_offered() {
        let mut document = shows("1", false);
        assert!(!document.has_newer());
        assert_eq!(document.found(version("1")), None);
        assert!(!document.has_newer());
        assert_eq!(document.found(version("2")), None);
        assert!(document.has_newer());
        assert_eq!(document.take().unwrap(), "build/2");
        assert_eq!(document.take(), None);
        assert!(!document.has_newer());
        // One that comes meanwhile is offered after it.
        assert_eq!(document.found(version("3")), None);
        assert_eq!(document.came(), None);
        assert!(document.has_newer());
    }

    #[test]
    fn by_itself_it_goes_on_until_it_is_up_to_date() {
        let mut document = shows("1", true);
        assert_eq!(document.found(version("2")).unwrap(), "build/2");
        assert_eq!(document.found(version("3")), None);
        assert_eq!(document.came().unwrap(), "build/3");
        assert_eq!(document.came(), None);
        let mut document = shows("1", false);
        document.found(version("2"));
        assert_eq!(document.set_by_itself(true).unwrap(), "build/2");
    }

    #[test]
    fn what_does_not_come_is_offered_again() {
        let mut document = shows("1", false);
        document.found(version("2"));
        document.take();
        document.lost();
        assert!(document.has_newer() && document.shown().unwrap().version == "1");
    }

    #[test]
    fn another_document_begins_anew_and_keeps_the_choice() {
        let mut document = shows("1", true);
        assert!(!document.choose(("a.ipynb".to_owned(), None)));
        assert!(document.choose(("a.ipynb".to_owned(), Some("ana".to_owned()))));
        assert!(document.shown().is_none() && document.is_by_itself());
        let built = |user: Option<&str>| announcements::BuildAnnouncement {
            filename: "a.ipynb".to_owned(),
            user: user.map(str::to_owned),
        };
        assert!(document.is(&built(Some("ana"))) && !document.is(&built(None)));
    }
}
