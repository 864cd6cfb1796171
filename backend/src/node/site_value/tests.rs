use super::*;

fn host(text: &str) -> Result<SiteHost, SiteValueError> {
    text.parse()
}

#[test]
fn names_of_hosts_are_taken() {
    let long_label = format!("{}.example.org", "a".repeat(63));
    let longest = ["a".repeat(63).as_str(); 4].join(".")[..253].to_owned();
    for name in [
        "hub.example.org",
        "alpha-lab.pipal.in",
        "a.b",
        "localhost",
        "hub",
        "hub.local",
        "xn--bcher-kva.example",
        "1.example.org",
        "2001.org",
        "a--b.example.org",
        "127.0.0.1",
        "10.77.3.2",
        "*.hub.example.org",
        "a.b.c.d.e.f.g.h.example.org",
        "0x7f.example.org",
        &long_label,
        &longest,
    ] {
        assert_eq!(host(name).unwrap().as_str(), name);
    }
    assert_eq!(host("Hub.Example.ORG").unwrap().as_str(), "hub.example.org");
    assert_eq!(host("*.hub.test").unwrap().domain(), "hub.test");
}

#[test]
fn what_is_no_name_of_a_host_is_refused_and_named() {
    let long_label = format!("{}.example.org", "a".repeat(64));
    let too_long = "a.".repeat(127) + "aa";
    for name in [
        "",
        " ",
        "hub.example.org ",
        " hub.example.org",
        "hub example.org",
        "hub.example.org other.org",
        "hub.example.org;",
        "hub.example.org; return 301 http://evil.example",
        "hub.example.org;}server{listen 80",
        "hub.example.org}",
        "hub{example.org",
        "hub.example.org\n",
        "hub.example.org\nlisten 81;",
        "hub.example.org\r\n",
        "hub\texample.org",
        "hub\0.example.org",
        "\"hub.example.org\"",
        "'hub.example.org'",
        "hub\".example.org",
        "`id`.example.org",
        "$(id).example.org",
        "$host",
        "${host}",
        "hub.example.org#",
        "#hub.example.org",
        "hub\\.example.org",
        "~^hub\\.example\\.org$",
        "~hub",
        "_",
        "my_hub.example.org",
        "*",
        "*.",
        "*.org",
        "hub.*.example.org",
        "*.*.example.org",
        "hub.*",
        "*hub.example.org",
        "*.10.77.3.2",
        ".",
        "..",
        ".hub.example.org",
        "hub.example.org.",
        "hub..example.org",
        "-hub.example.org",
        "hub-.example.org",
        "--tls",
        "hub.-example.org",
        "https://hub.example.org",
        "hub.example.org/",
        "hub.example.org/class",
        "../etc/passwd",
        "hub.example.org:443",
        "::1",
        "[::1]",
        "ana@hub.example.org",
        "bücher.example",
        "hub.example。org",
        "hub\u{202e}.example.org",
        "1.2.3",
        "256.1.1.1",
        "1.2.3.4.5",
        "hub%2eexample.org",
        "hub,example.org",
        "hub|example.org",
        "hub&example.org",
        &long_label,
        &too_long,
    ] {
        let refused = host(name).expect_err(name).to_string();
        assert!(
            refused.starts_with(&format!("{name:?} is not")),
            "{refused}"
        );
    }
}

#[test]
fn a_hub_listens_at_a_host_and_a_port() {
    for address in [
        "127.0.0.1:8000",
        "[::1]:8000",
        "hub:8000",
        "hub.internal:65535",
    ] {
        assert_eq!(address.parse::<HubAddress>().unwrap().as_str(), address);
    }
    for address in [
        "",
        "8000",
        ":8000",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:+80",
        "127.0.0.1:8000/",
        "http://127.0.0.1:8000",
        "::1:8000",
        "[127.0.0.1]:8000",
        "[::1:8000",
        "unix:/run/hub.sock",
        "127.0.0.1:8000;",
        "$host:80",
        "a b:80",
    ] {
        let refused = address.parse::<HubAddress>().expect_err(address);
        assert_eq!(refused, SiteValueError::Hub(address.to_owned()));
    }
}

#[test]
fn a_base_url_has_its_slashes_and_is_not_that_of_the_exports() {
    for (text, path) in [
        ("/", "/"),
        ("/class", "/class/"),
        ("/class/", "/class/"),
        ("/a/b.c/~ana/", "/a/b.c/~ana/"),
        ("/builds/", "/builds/"),
    ] {
        assert_eq!(text.parse::<BasePath>().unwrap().as_str(), path);
    }
    assert_eq!("/b.c".parse::<BasePath>().unwrap().pattern(), "/b\\.c/");
    for text in [
        "",
        "class",
        "//",
        "/a//b/",
        "/a/../b/",
        "/./",
        "/a b/",
        "/a;/",
        "/a{/",
        "/a\n/",
        "/a$b/",
        "/a%20b/",
        "/a?b/",
        "/a#b/",
        "/(a)/",
        "/build",
        "/build/class/",
    ] {
        text.parse::<BasePath>().expect_err(text);
    }
}

#[test]
fn a_path_is_absolute_and_one_word() {
    for path in [
        "/etc/letsencrypt/live/hub.example.org/fullchain.pem",
        "/var/www/~a+b@c_d-e",
    ] {
        assert_eq!(path.parse::<SiteFile>().unwrap().as_str(), path);
    }
    for path in [
        "",
        "cert.pem",
        "./cert.pem",
        "/etc/../cert.pem",
        "/a b",
        "/a;",
        "/a\n",
        "/a\"",
        "/a'",
        "/$host",
        "/a{b}",
        "/a\\b",
        "/a#",
        "data:cert",
    ] {
        path.parse::<SiteFile>().expect_err(path);
    }
}

#[test]
fn a_service_has_the_name_that_its_address_has() {
    for name in ["dashboard", "wall-2", "my_wall.1"] {
        assert_eq!(name.parse::<ServiceName>().unwrap().as_str(), name);
    }
    for name in [
        "", ".", "..", "a/b", "a b", "Wall", "a;", "a{", "$a", "a\n", "ä",
    ] {
        name.parse::<ServiceName>().expect_err(name);
    }
}
