//! Pieces in the table `contents`: by hash, compressed, each stored once.

use std::io::{Read, Write};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

/// Bytes of a row beside its data: number, hash, and the hash once more in its index.
const CONTENT_ROW_BYTES: usize = 56;

/// The first byte of stored data: the form of the bytes after it.
const PLAIN: u8 = 0;
const DEFLATED: u8 = 1;

/// Stores these bytes unless they are there. Returns their number and the bytes added.
pub(super) fn store(connection: &Connection, bytes: &[u8]) -> rusqlite::Result<(i64, usize)> {
    // Half of a SHA-256: finding two pieces with the same takes 2^64 attempts.
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    let hash = &hash[..16];
    let known: Option<i64> = connection
        .prepare_cached("SELECT id FROM contents WHERE hash = ?1")?
        .query_row([hash], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok((id, 0));
    }
    let data = pack(bytes);
    let id = connection
        .prepare_cached("INSERT INTO contents (hash, data) VALUES (?1, ?2) RETURNING id")?
        .query_row(params![hash, data], |row| row.get(0))?;
    Ok((id, data.len() + CONTENT_ROW_BYTES))
}

/// Stored size of the piece `id`, in bytes.
pub(super) fn size(connection: &Connection, id: i64) -> rusqlite::Result<u64> {
    let length: u32 = connection
        .prepare_cached("SELECT length(data) FROM contents WHERE id = ?1")?
        .query_row([id], |row| row.get(0))?;
    Ok(u64::from(length) + CONTENT_ROW_BYTES as u64)
}

/// Appends the bytes of the piece `id` to `out`.
pub(super) fn load_to(connection: &Connection, id: i64, out: &mut Vec<u8>) -> rusqlite::Result<()> {
    let data: Vec<u8> = connection
        .prepare_cached("SELECT data FROM contents WHERE id = ?1")?
        .query_row([id], |row| row.get(0))?;
    unpack(&data, out).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, error.into())
    })
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(vec![DEFLATED], Compression::default());
    let packed = encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("writing to memory cannot fail");
    if packed.len() <= bytes.len() {
        return packed;
    }
    let mut plain = vec![PLAIN];
    plain.extend(bytes);
    plain
}

fn unpack(data: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
    match data {
        [PLAIN, bytes @ ..] => out.extend(bytes),
        [DEFLATED, bytes @ ..] => {
            DeflateDecoder::new(bytes).read_to_end(out)?;
        }
        _ => return Err(std::io::Error::other("a piece in an unknown form")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_bytes_come_back_and_are_never_much_larger() {
        for bytes in [&b""[..], b"x", &[7; 5_000], b"\x00\xff\x13\x37"] {
            let packed = pack(bytes);
            assert!(packed.len() <= bytes.len() + 1);
            let mut out = Vec::new();
            unpack(&packed, &mut out).unwrap();
            assert_eq!(out, bytes);
        }
        assert!(unpack(&[9], &mut Vec::new()).is_err());
    }
}
