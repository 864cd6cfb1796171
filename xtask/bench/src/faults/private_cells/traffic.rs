//! The pushes in what participants' servers have sent, put together as the service does: the
//! middle of each inflated, between what is as in its base.

use std::{collections::HashMap, io::Read, rc::Rc};

use anyhow::{Context, bail, ensure};
use flate2::read::DeflateDecoder;
use sha2::{Digest, Sha256};
use shared::copies::PushHead;

use super::search::find;
use crate::drive::recording_proxy::Conversation;

/// What participants' servers have sent.
#[derive(Default)]
pub(super) struct SentPushes {
    /// Each content that was pushed.
    pub(super) contents: Vec<Rc<Vec<u8>>>,
    pub(super) deltas: usize,
    pub(super) withheld: usize,
    pub(super) inventories: usize,
    by_hash: HashMap<String, Rc<Vec<u8>>>,
}

impl SentPushes {
    /// The pushes in these conversations; an error when one cannot be put together to what its
    /// hash says.
    pub(super) fn of(conversations: &[Conversation]) -> anyhow::Result<Self> {
        let mut pushes = Self::default();
        let mut later = Vec::new();
        for conversation in conversations {
            let mut rest = conversation.requests.as_slice();
            while !rest.is_empty() {
                let (request, after) = ClientRequest::split(rest)?;
                rest = after;
                match (request.method, request.path) {
                    ("PUT", "/api/copies") => {
                        let is_whole = pushes.add(request.body)?;
                        later.extend((!is_whole).then_some(request.body));
                    }
                    ("POST", "/api/copies/inventory") => pushes.inventories += 1,
                    _ => {}
                }
            }
        }
        // The base may have been pushed over a connection that is listed later.
        for body in later {
            ensure!(pushes.add(body)?, "the base of a push was never sent");
        }
        Ok(pushes)
    }

    /// Puts one together; false when its base is not here.
    fn add(&mut self, body: &[u8]) -> anyhow::Result<bool> {
        let end = body.iter().position(|byte| *byte == b'\n');
        let (head, middle) = body.split_at(end.context("a push without a head")?);
        let head: PushHead = serde_json::from_slice(head)?;
        if head.withheld.is_some() {
            ensure!(middle.len() <= 1, "what is withheld was sent");
            self.withheld += 1;
            return Ok(true);
        }
        let base = match &head.base {
            None => None,
            Some(base) => match self.by_hash.get(base) {
                Some(base) => Some(Rc::clone(base)),
                None => return Ok(false),
            },
        };
        let base = base.as_ref().map_or(&[][..], |base| base.as_slice());
        let mut content = base[..head.prefix].to_vec();
        DeflateDecoder::new(&middle[1..]).read_to_end(&mut content)?;
        content.extend_from_slice(&base[base.len() - head.suffix..]);
        let hash: String = Sha256::digest(&content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        ensure!(
            head.sha256.as_ref() == Some(&hash),
            "a push of {} is not what its hash says",
            head.filename
        );
        self.deltas += usize::from(head.base.is_some());
        let content = Rc::new(content);
        self.by_hash.insert(hash, Rc::clone(&content));
        self.contents.push(content);
        Ok(true)
    }
}

/// A request as http.client sends it: its length is always in its head.
struct ClientRequest<'a> {
    method: &'a str,
    path: &'a str,
    body: &'a [u8],
}

impl<'a> ClientRequest<'a> {
    /// The first request of these bytes, and the bytes after it.
    fn split(bytes: &'a [u8]) -> anyhow::Result<(Self, &'a [u8])> {
        let end = find(bytes, b"\r\n\r\n").context("a request without an end")?;
        let head = std::str::from_utf8(&bytes[..end])?;
        let mut words = head.split(' ');
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            bail!("no request: {head:?}");
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>())
        });
        let rest = &bytes[end + 4..];
        let length = length.transpose()?.unwrap_or(0);
        ensure!(rest.len() >= length, "a request was cut off");
        let (body, after) = rest.split_at(length);
        Ok((Self { method, path, body }, after))
    }
}
