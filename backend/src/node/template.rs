//! Templates of configuration files: lines with values in them, some only under a condition.
//!
//! `{{name}}` is a value. What is between `#if name` and `#end`, each a line of its own, is there
//! when the condition of that name holds. The values are not escaped: whoever fills in a template
//! checks them first.

use std::collections::BTreeMap;

/// What a template is filled in with.
#[derive(Default)]
pub(super) struct TemplateValues {
    values: BTreeMap<&'static str, String>,
    conditions: BTreeMap<&'static str, bool>,
}

impl TemplateValues {
    pub(super) fn value(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.insert(name, value.into());
        self
    }

    pub(super) fn condition(mut self, name: &'static str, holds: bool) -> Self {
        self.conditions.insert(name, holds);
        self
    }

    /// The text of a template.
    ///
    /// # Panics
    /// When the template names what is not here, which the tests of each template would see.
    pub(super) fn fill_in(&self, template: &str) -> String {
        let mut text = String::with_capacity(template.len());
        let mut conditions = Vec::new();
        for line in template.lines() {
            if let Some(name) = line.strip_prefix("#if ") {
                let holds = self.conditions.get(name);
                conditions.push(*holds.expect("the template's conditions are all given"));
            } else if line == "#end" {
                conditions.pop().expect("each end has its condition");
            } else if conditions.iter().all(|holds| *holds) {
                self.push_line(&mut text, line);
            }
        }
        assert!(conditions.is_empty(), "each condition has its end");
        text
    }

    fn push_line(&self, text: &mut String, mut line: &str) {
        while let Some((before, rest)) = line.split_once("{{") {
            let (name, after) = rest
                .split_once("}}")
                .expect("each value's name has its end");
            text.push_str(before);
            text.push_str(&self.values[name]);
            line = after;
        }
        text.push_str(line);
        text.push('\n');
    }
}
