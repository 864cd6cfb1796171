//! Which version of a document is shown, which is being loaded, and which is the newest.

use shared::announcements;
use shared::wire::BuiltVersion;

/// A built document: the summary of a notebook, or with a participant the export of their copy.
pub type DocumentId = (String, Option<String>);

/// The versions of the chosen document: the shown one, the one being loaded, and the newest.
#[derive(Clone, Debug, Default)]
pub struct DocumentVersions {
    chosen: Option<DocumentId>,
    shown: Option<BuiltVersion>,
    loading: Option<BuiltVersion>,
    newest: Option<BuiltVersion>,
    /// The reader wants each new version at once.
    auto_update: bool,
}

impl DocumentVersions {
    /// No document yet, with the reader's choice of automatic updates.
    pub fn new(auto_update: bool) -> Self {
        Self {
            auto_update,
            ..Self::default()
        }
    }

    /// The chosen document.
    pub fn chosen(&self) -> Option<&DocumentId> {
        self.chosen.as_ref()
    }

    /// The version that is shown.
    pub fn shown(&self) -> Option<&BuiltVersion> {
        self.shown.as_ref()
    }

    /// Whether the reader wants each new version at once.
    pub fn is_auto_update(&self) -> bool {
        self.auto_update
    }

    /// Chooses a document; returns whether it is another than before.
    pub fn choose(&mut self, chosen: DocumentId) -> bool {
        if self.chosen.as_ref() == Some(&chosen) {
            return false;
        }
        *self = Self {
            chosen: Some(chosen),
            ..Self::new(self.auto_update)
        };
        true
    }

    /// Whether `built` announces a version of the chosen document.
    pub fn is_about(&self, built: &announcements::BuildAnnouncement) -> bool {
        let is = |(filename, user): &DocumentId| *filename == built.filename && *user == built.user;
        self.chosen.as_ref().is_some_and(is)
    }

    /// Whether there is a newer version that the reader may ask for.
    pub fn has_newer(&self) -> bool {
        self.loading.is_none() && self.shown.is_some() && self.is_behind()
    }

    /// Notes the newest version, from the service; returns the address to load, if any.
    pub fn note_newest(&mut self, newest: BuiltVersion) -> Option<String> {
        self.newest = Some(newest);
        let wanted = self.shown.is_none() || self.auto_update;
        wanted.then(|| self.request_newest()).flatten()
    }

    /// Starts loading the newest version, for the reader; returns its address, unless it is shown
    /// or being loaded.
    pub fn request_newest(&mut self) -> Option<String> {
        if self.loading.is_some() || !self.is_behind() {
            return None;
        }
        self.loading.clone_from(&self.newest);
        self.loading.as_ref().map(|loading| loading.address.clone())
    }

    /// Notes that the version being loaded is shown; returns the address of a still newer one to
    /// load.
    pub fn loaded(&mut self) -> Option<String> {
        self.shown = self.loading.take();
        self.auto_update.then(|| self.request_newest()).flatten()
    }

    /// Notes that loading has failed.
    pub fn load_failed(&mut self) {
        self.loading = None;
    }

    /// Sets the reader's choice of automatic updates; returns the address to load because of it.
    pub fn set_auto_update(&mut self, auto_update: bool) -> Option<String> {
        self.auto_update = auto_update;
        auto_update.then(|| self.request_newest()).flatten()
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

    fn shows(number: &str, auto_update: bool) -> DocumentVersions {
        let mut document = DocumentVersions::new(auto_update);
        assert!(document.choose(("a.ipynb".to_owned(), None)));
        assert!(document.note_newest(version(number)).is_some());
        assert_eq!(document.loaded(), None);
        document
    }

    #[test]
    fn the_first_version_is_shown_and_a_newer_one_offered() {
        let mut document = shows("1", false);
        assert!(!document.has_newer());
        assert_eq!(document.note_newest(version("1")), None);
        assert!(!document.has_newer());
        assert_eq!(document.note_newest(version("2")), None);
        assert!(document.has_newer());
        assert_eq!(document.request_newest().unwrap(), "build/2");
        assert_eq!(document.request_newest(), None);
        assert!(!document.has_newer());
        // A version built meanwhile is offered after that one is shown.
        assert_eq!(document.note_newest(version("3")), None);
        assert_eq!(document.loaded(), None);
        assert!(document.has_newer());
    }

    #[test]
    fn an_automatic_update_goes_on_until_the_newest_is_shown() {
        let mut document = shows("1", true);
        assert_eq!(document.note_newest(version("2")).unwrap(), "build/2");
        assert_eq!(document.note_newest(version("3")), None);
        assert_eq!(document.loaded().unwrap(), "build/3");
        assert_eq!(document.loaded(), None);
        let mut document = shows("1", false);
        document.note_newest(version("2"));
        assert_eq!(document.set_auto_update(true).unwrap(), "build/2");
    }

    #[test]
    fn a_version_that_fails_to_load_is_offered_again() {
        let mut document = shows("1", false);
        document.note_newest(version("2"));
        document.request_newest();
        document.load_failed();
        assert!(document.has_newer() && document.shown().unwrap().version == "1");
    }

    #[test]
    fn another_document_begins_anew_and_keeps_the_choice() {
        let mut document = shows("1", true);
        assert!(!document.choose(("a.ipynb".to_owned(), None)));
        assert!(document.choose(("a.ipynb".to_owned(), Some("ana".to_owned()))));
        assert!(document.shown().is_none() && document.is_auto_update());
        let built = |user: Option<&str>| announcements::BuildAnnouncement {
            filename: "a.ipynb".to_owned(),
            user: user.map(str::to_owned),
        };
        assert!(document.is_about(&built(Some("ana"))) && !document.is_about(&built(None)));
    }
}
