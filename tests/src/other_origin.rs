//! Another origin: a page of an attacker, on this machine.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use anyhow::Result;

/// Answers every request with one page until the test ends; gives its address.
///
/// Only the port differs from the service's, so a browser takes both for one *site* and sends the
/// service's cookie along, which a foreign site would not even get.
pub fn serve(page: String) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", listener.local_addr()?);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let page = page.clone();
            // On a thread of its own, because a browser opens connections ahead of time and leaves
            // them silent.
            thread::spawn(move || answer(&connection, &page));
        }
    });
    Ok(url)
}

fn answer(mut connection: &TcpStream, page: &str) -> Result<()> {
    for line in BufReader::new(connection).lines() {
        if line?.is_empty() {
            break;
        }
    }
    let length = page.len();
    write!(
        connection,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{page}"
    )?;
    Ok(())
}
