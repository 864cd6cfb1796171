//! A kernel of a participant's server: started, a cell run in it by its websocket, shut down.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{
    browser::{Browser, KernelSocket},
    trouble::{Trouble, chain},
};
use crate::{secret::Secret, text::percent_encoded};

/// A kernel that runs cells.
pub(super) struct Kernel {
    socket: KernelSocket,
    session: String,
    cells: usize,
    patience: Duration,
}

/// What a cell has shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CellOutput {
    /// What it printed.
    pub(super) printed: String,
    /// Its last value.
    pub(super) value: Option<String>,
}

impl Kernel {
    /// Starts the server's usual kernel; gives its number.
    pub(super) async fn start(browser: &Browser, server: &str) -> Result<String, Trouble> {
        let path = format!("{server}api/kernels");
        let reply = browser.post(&path, &json!({})).await?;
        let model: Option<Value> = reply.json();
        let id = model.as_ref().and_then(|it| it.get("id")?.as_str());
        match id {
            Some(id) if reply.status == StatusCode::CREATED => Ok(id.to_owned()),
            _ => Err(Trouble::answered("no kernel starts", &reply)),
        }
    }

    /// Opens the websocket of a kernel.
    pub(super) async fn open(browser: &Browser, server: &str, id: &str) -> Result<Self, Trouble> {
        let session = Secret::random().reveal().to_owned();
        let id = percent_encoded(id);
        let path = format!("{server}api/kernels/{id}/channels?session_id={session}");
        Ok(Self {
            socket: browser.websocket(&path).await?,
            session,
            cells: 0,
            patience: browser.patience(),
        })
    }

    /// Runs a cell; the time is from when it is sent until it has run.
    pub(super) async fn run(&mut self, code: &str) -> Result<(CellOutput, Duration), Trouble> {
        let begun = Instant::now();
        match timeout(self.patience, self.exchange(code)).await {
            Ok(done) => done.map(|output| (output, begun.elapsed())),
            Err(_) => Err(Trouble::late("a cell", self.patience)),
        }
    }

    async fn exchange(&mut self, code: &str) -> Result<CellOutput, Trouble> {
        self.cells += 1;
        let id = format!("{}-{}", self.session, self.cells);
        let request = execute_request(&id, &self.session, code).to_string();
        let sent = self.socket.send(Message::text(request)).await;
        sent.map_err(|error| ended(&chain(&error)))?;
        let mut output = CellOutput::default();
        loop {
            let message = match self.socket.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(_))) | None => return Err(ended("it was closed")),
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(ended(&chain(&error))),
            };
            let Ok(message) = serde_json::from_str::<Value>(&message) else {
                continue;
            };
            if take(&message, &id, &mut output)? {
                return Ok(output);
            }
        }
    }
}

fn execute_request(id: &str, session: &str, code: &str) -> Value {
    json!({
        "channel": "shell",
        "header": {"msg_id": id, "msg_type": "execute_request", "session": session,
            "username": "", "version": "5.3"},
        "parent_header": {},
        "metadata": {},
        "content": {"code": code, "silent": false, "store_history": false,
            "allow_stdin": false, "stop_on_error": true},
    })
}

/// Takes what a message says of the cell `id`; whether the cell has run.
fn take(message: &Value, id: &str, output: &mut CellOutput) -> Result<bool, Trouble> {
    if message["parent_header"]["msg_id"].as_str() != Some(id) {
        return Ok(false);
    }
    let content = &message["content"];
    match message["msg_type"].as_str().unwrap_or_default() {
        "stream" => output.printed += content["text"].as_str().unwrap_or_default(),
        "execute_result" => {
            let value = content["data"]["text/plain"].as_str();
            output.value = value.map(str::to_owned);
        }
        "error" => {
            let name = content["ename"].as_str().unwrap_or("an error");
            let value = content["evalue"].as_str().unwrap_or_default();
            return Err(Trouble::new(
                format!("a cell ends with {name}: {value}"),
                "See whether participants' usual kernel is one of Python that works.",
            ));
        }
        "status" => return Ok(content["execution_state"] == "idle"),
        _ => {}
    }
    Ok(false)
}

fn ended(why: &str) -> Trouble {
    Trouble::new(
        format!("the kernel's websocket ends: {why}"),
        "The kernel may have been ended for want of memory (dmesg, the server's log), or the web \
         server closes websockets (proxy_read_timeout in nginx).",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_cell(kind: &str, content: &Value) -> Value {
        json!({"msg_type": kind, "parent_header": {"msg_id": "1"}, "content": content})
    }

    #[test]
    fn only_what_is_of_the_cell_is_taken() {
        let mut output = CellOutput::default();
        let other = json!({"msg_type": "status", "parent_header": {"msg_id": "0"},
            "content": {"execution_state": "idle"}});
        let busy = of_cell("status", &json!({"execution_state": "busy"}));
        let printed = of_cell("stream", &json!({"name": "stdout", "text": "a\n"}));
        let value = of_cell("execute_result", &json!({"data": {"text/plain": "42"}}));
        for message in [other, busy, printed, value] {
            assert_eq!(take(&message, "1", &mut output), Ok(false));
        }
        assert_eq!(output.printed, "a\n");
        assert_eq!(output.value.as_deref(), Some("42"));
        let idle = of_cell("status", &json!({"execution_state": "idle"}));
        assert_eq!(take(&idle, "1", &mut output), Ok(true));
        let error = of_cell(
            "error",
            &json!({"ename": "MemoryError", "evalue": "no room"}),
        );
        let trouble = take(&error, "1", &mut output).unwrap_err();
        assert!(trouble.message.contains("MemoryError: no room"));
    }
}
