//! The first steps: how the Hub is reached, and who checks.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::ProtocolVersion;
use shared::wire::Role;

use super::{
    CheckRequest, CheckRights,
    browser::Browser,
    certificate,
    dashboard::{Dashboard, role_words},
    dial::Dialer,
    hub::{self, HubSelf},
    leftovers::Leftovers,
    live::LiveStream,
    trouble::Trouble,
};
use crate::findings::Finding;

/// A certificate that ends sooner is not renewed by itself: certbot does that at 30 days.
const RENEWAL_DAYS: u64 = 14;
/// A live stream whose first event comes later is held back somewhere.
const PROMPT: Duration = Duration::from_secs(1);

/// What the steps work with.
pub(super) struct Reach<'a> {
    pub(super) request: &'a CheckRequest,
    pub(super) dialer: Arc<Dialer>,
    pub(super) tell: &'a dyn Fn(Finding),
    pub(super) left: &'a Leftovers,
}

/// Who checks, signed in.
pub(super) struct Visitor {
    pub(super) browser: Arc<Browser>,
    pub(super) own: HubSelf,
    /// `None` where it does not answer.
    pub(super) dashboard: Option<Arc<Dashboard>>,
    pub(super) role: Option<Role>,
    pub(super) stream: Option<LiveStream>,
}

impl Visitor {
    /// The dashboard, where the class's list may be changed there.
    pub(super) fn class_list(&self) -> Option<&Dashboard> {
        let may_change = self.role.is_some_and(Role::changes_the_class);
        self.dashboard.as_deref().filter(|_| may_change)
    }
}

impl Reach<'_> {
    /// `None` when there is no going on; that was told.
    pub(super) async fn run(&self) -> Option<Visitor> {
        self.way_there().await?;
        if self.dialer.address.is_tls {
            self.plain_http().await;
        }
        let token = match &self.request.rights {
            CheckRights::Token(token) => Some(token.clone()),
            CheckRights::Password(..) => None,
        };
        let patience = self.request.patience;
        let browser = Arc::new(Browser::new(self.dialer.clone(), token, patience));
        let (version, time) = self.timed("Hub", hub::version(&browser)).await?;
        self.ok("Hub", format!("JupyterHub {version} answers"), time);
        let own = self.sign_in(&browser).await?;
        self.left.has_rights(browser.clone(), own.may_make_users());
        let mut visitor = Visitor {
            browser,
            own,
            dashboard: None,
            role: None,
            stream: None,
        };
        self.dashboard(&mut visitor).await;
        Some(visitor)
    }

    async fn way_there(&self) -> Option<()> {
        let address = &self.dialer.address;
        let targets = self.dialer.targets(address.port);
        let (targets, time) = self.timed("name", targets).await?;
        let numbers: Vec<_> = targets.iter().map(|it| it.ip().to_string()).collect();
        let told = match self.dialer.is_told_where(address.port) {
            true => "is taken to be",
            false => "is",
        };
        let told = format!("{} {told} {}", address.host, numbers.join(", "));
        self.ok("name", told, time);
        let (stream, time) = self.timed("connection", self.dialer.tcp(&targets)).await?;
        self.ok("connection", format!("port {} is open", address.port), time);
        if !address.is_tls {
            if !address.is_this_machine() {
                self.tell(Finding::warning(
                    "certificate",
                    "there is none: passwords and notebooks travel readable",
                    "For a network that is not closed get a certificate (docs/nginx.md), and \
                     check the address with https://.",
                ));
            }
            return Some(());
        }
        let (stream, time) = self.timed("certificate", self.dialer.tls(stream)).await?;
        let session = stream.get_ref().1;
        let chain = session.peer_certificates().unwrap_or_default();
        let left = certificate::time_left(&self.dialer.roots, chain, address.bare_host());
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS 1.3",
        };
        self.tell(of_certificate(left, version).took(time));
        Some(())
    }

    /// Whoever types the name alone is to be led to TLS.
    async fn plain_http(&self) {
        let address = &self.dialer.address;
        if !address.has_usual_port() {
            return;
        }
        let mut plain = address.clone();
        (plain.is_tls, plain.port) = (false, 80);
        let dialer = self.dialer.at(plain);
        let browser = Browser::new(Arc::new(dialer), None, self.request.patience);
        let begun = Instant::now();
        let finding = match browser.get(&browser.path("")).await {
            Err(trouble) => Finding::warning(
                "plain http",
                format!("it is not answered: {}", trouble.message),
                "Who types the name alone may find nothing: nginx's site redirects port 80 \
                 (docs/nginx.md).",
            ),
            Ok(reply) => match reply.location() {
                Some(to) if to.starts_with("https://") => {
                    Finding::ok("plain http", "it leads to https")
                }
                _ => Finding::problem(
                    "plain http",
                    format!(
                        "it is answered ({}) and does not lead to https",
                        reply.status
                    ),
                    "Passwords may travel readable: let nginx redirect port 80, as the site of \
                     `pipalhub nginx-site` does.",
                ),
            },
        };
        self.tell(finding.took(begun.elapsed()));
    }

    async fn sign_in(&self, browser: &Browser) -> Option<HubSelf> {
        let signing_in = async {
            if let CheckRights::Password(name, password) = &self.request.rights {
                hub::sign_in(browser, name, password).await?;
            }
            hub::whoami(browser).await
        };
        let (own, time) = self.timed("sign-in", signing_in).await?;
        if own.name.is_empty() {
            self.tell(Finding::problem(
                "sign-in",
                "the token is a service's, or may not say whose it is",
                "Make one on the Hub's page Token, as an instructor or admin.",
            ));
            return None;
        }
        self.ok("sign-in", format!("{} is signed in", own.name), time);
        Some(own)
    }

    async fn dashboard(&self, visitor: &mut Visitor) {
        let service = &self.request.service;
        let dashboard = Arc::new(Dashboard::new(visitor.browser.clone(), service));
        let opening = async {
            dashboard.visit().await?;
            dashboard.session().await
        };
        let Some((session, time)) = self.timed("dashboard", opening).await else {
            return;
        };
        let (version, role) = (&session.version, role_words(session.role));
        let told = format!(
            "pipalhub {version} opens, and takes {} for {role}",
            session.user
        );
        self.ok("dashboard", told, time);
        self.left.has_dashboard(dashboard.clone());
        visitor.role = Some(session.role);
        let path = dashboard.address("events/stream");
        visitor.dashboard = Some(dashboard);
        let opened = LiveStream::open(&visitor.browser, &path).await;
        visitor.stream = match opened {
            Ok((stream, time)) => {
                let finding = match time > PROMPT {
                    false => Finding::ok("live stream", "its first event is there"),
                    true => Finding::warning(
                        "live stream",
                        "its first event comes late",
                        "A proxy on the way may hold it back: proxy_buffering off in nginx.",
                    ),
                };
                self.tell(finding.took(time));
                Some(stream)
            }
            Err(trouble) => {
                self.tell(trouble.finding("live stream"));
                None
            }
        };
    }

    /// What came of a step, and how long it took; `None` when it failed, which is told.
    pub(super) async fn timed<T>(
        &self,
        subject: &'static str,
        step: impl Future<Output = Result<T, Trouble>>,
    ) -> Option<(T, Duration)> {
        let begun = Instant::now();
        match step.await {
            Ok(done) => Some((done, begun.elapsed())),
            Err(trouble) => {
                self.tell(trouble.finding(subject));
                None
            }
        }
    }

    pub(super) fn tell(&self, finding: Finding) {
        (self.tell)(finding);
    }

    fn ok(&self, subject: &'static str, message: String, time: Duration) {
        self.tell(Finding::ok(subject, message).took(time));
    }
}

fn of_certificate(left: Option<Duration>, version: &str) -> Finding {
    const SUBJECT: &str = "certificate";
    let Some(left) = left else {
        return Finding::ok(SUBJECT, format!("it is good, {version}"));
    };
    let days = left.as_secs() / 86_400;
    let message = match days {
        0 => format!(
            "it is good for {} hours more, {version}",
            left.as_secs() / 3_600
        ),
        _ => format!("it is good for {days} days, {version}"),
    };
    match days < RENEWAL_DAYS {
        false => Finding::ok(SUBJECT, message),
        true => Finding::warning(
            SUBJECT,
            message,
            "It should have been renewed by itself: see systemctl list-timers and sudo certbot \
             renew --dry-run on the server.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_ends_soon_is_a_warning() {
        let told = |days: u64| {
            let left = Duration::from_secs(days * 86_400 + 60);
            of_certificate(Some(left), "TLS 1.3").text(0, false)
        };
        assert!(told(60).starts_with("ok       certificate  it is good for 60 days, TLS 1.3"));
        assert!(told(13).starts_with("warning"));
        assert!(told(0).contains("0 hours more"));
    }
}
