//! Cookies of one browser at one host.

use axum_extra::extract::cookie::Cookie;

/// One cookie as it was set.
struct KeptCookie {
    name: String,
    value: String,
    path: String,
    is_secure: bool,
}

/// The cookies that were set, those of the longest path first.
#[derive(Default)]
pub(super) struct CookieStore {
    cookies: Vec<KeptCookie>,
}

impl CookieStore {
    /// Takes a `Set-Cookie` of an answer to a request for `path`.
    pub(super) fn set(&mut self, header: &str, path: &str) {
        let Ok(cookie) = Cookie::parse(header.to_owned()) else {
            return;
        };
        let path = match cookie.path().filter(|path| path.starts_with('/')) {
            Some(path) => path,
            None => path.rsplit_once('/').map_or("/", |(folder, _)| folder),
        };
        let path = if path.is_empty() { "/" } else { path }.to_owned();
        self.cookies
            .retain(|it| it.name != cookie.name() || it.path != path);
        let is_ended = cookie
            .max_age()
            .is_some_and(|age| age.is_zero() || age.is_negative())
            || cookie.value().is_empty();
        if !is_ended {
            self.cookies.push(KeptCookie {
                name: cookie.name().to_owned(),
                value: cookie.value().to_owned(),
                path,
                is_secure: cookie.secure().unwrap_or(false),
            });
            self.cookies
                .sort_by_key(|it| std::cmp::Reverse(it.path.len()));
        }
    }

    /// What is sent along with a request for `path`.
    pub(super) fn header(&self, path: &str, is_tls: bool) -> Option<String> {
        let sent: Vec<String> = self
            .of(path, is_tls)
            .map(|it| format!("{}={}", it.name, it.value))
            .collect();
        (!sent.is_empty()).then(|| sent.join("; "))
    }

    /// The value of the cookie of this name that a request for `path` sends.
    pub(super) fn value(&self, name: &str, path: &str, is_tls: bool) -> Option<String> {
        let mut sent = self.of(path, is_tls);
        let found = sent.find(|it| it.name == name)?;
        // Some values stand in quotes, which are no part of them.
        Some(found.value.trim_matches('"').to_owned())
    }

    fn of<'a>(&'a self, path: &'a str, is_tls: bool) -> impl Iterator<Item = &'a KeptCookie> {
        let path = path.split('?').next().unwrap_or_default();
        self.cookies
            .iter()
            .filter(move |it| is_below(path, &it.path) && (is_tls || !it.is_secure))
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || folder.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_go_where_their_path_says() {
        let mut store = CookieStore::default();
        store.set("_xsrf=hub; Path=/hub/; HttpOnly", "/hub/login");
        store.set("_xsrf=root; Path=/", "/hub/login");
        store.set("session=s; Path=/; Secure", "/hub/login");
        let header = |path, is_tls| store.header(path, is_tls);
        assert_eq!(
            header("/hub/a?b", true).unwrap(),
            "_xsrf=hub; _xsrf=root; session=s"
        );
        assert_eq!(header("/hubble", false).unwrap(), "_xsrf=root");
        assert_eq!(store.value("_xsrf", "/hub/", true).unwrap(), "hub");
        store.set("session=; Path=/", "/");
        store.set("_xsrf=x; Path=/; Max-Age=0", "/");
        assert_eq!(store.header("/hub/", true).unwrap(), "_xsrf=hub");
    }
}
