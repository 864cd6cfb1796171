//! Colours and boxes of TeX.

use std::rc::Rc;

use super::{colours, rewrite::Rewriter, scan::TexScanner};
use crate::prepare::style;

impl Rewriter<'_> {
    pub(super) fn colour(&mut self, name: &str, rest: &mut TexScanner<'_>) -> Option<()> {
        if name == "definecolor" {
            let name = rest.argument()?;
            let (model, value) = (rest.argument()?, rest.argument()?);
            // A colour that is wrong leaves the formulas as they are.
            if let Some(colour) = colours::colour(self.definitions, Some(model), value) {
                Rc::make_mut(self.definitions).set_colour(name.trim(), colour);
            }
            return Some(());
        }
        let model = rest.optional();
        let value = rest.argument()?;
        let class = self.colour_class("color", model, value);
        if name == "textcolor" {
            return self.marked(&class, rest.argument()?);
        }
        if !class.is_empty() {
            self.marks.push_class(&mut self.out, &class);
        }
        Some(())
    }

    /// The class of a colour; empty where it is the text's own, or unknown.
    pub(super) fn colour_class(&self, property: &str, model: Option<&str>, value: &str) -> String {
        let known = self.known_colour_class(property, model, value);
        known.unwrap_or_default()
    }

    fn known_colour_class(
        &self,
        property: &str,
        model: Option<&str>,
        value: &str,
    ) -> Option<String> {
        let [red, green, blue] = colours::colour(self.definitions, model, value)?;
        let css = format!("{property}:rgb({red}, {green}, {blue})");
        Some(style::classes(&css).join(" "))
    }

    pub(super) fn boxed(&mut self, name: &str, rest: &mut TexScanner<'_>) -> Option<()> {
        match name {
            "colorbox" => {
                let model = rest.optional();
                let class = self.colour_class("background", model, rest.argument()?);
                self.boxed_text(&class, rest)
            }
            "fcolorbox" => {
                let model = rest.optional();
                rest.argument()?;
                let class = self.colour_class("background", model, rest.argument()?);
                self.boxed_text(&format!("nb-m-box {class}"), rest)
            }
            "bbox" => {
                let options = rest.optional().unwrap_or_default();
                let mut classes: Vec<String> = Vec::new();
                for option in options.split(',') {
                    match self.known_colour_class("background", None, option) {
                        Some(class) => classes.push(class),
                        None if option.contains("border") => classes.push("nb-m-box".to_owned()),
                        None => {}
                    }
                }
                self.marked(classes.join(" ").trim(), rest.argument()?)
            }
            _ => {
                rest.optional();
                let notations = rest.argument()?;
                rest.optional();
                let strikes = ["updiagonalstrike", "downdiagonalstrike", "horizontalstrike"];
                let content = rest.argument()?;
                match notations {
                    one if strikes[..2].iter().all(|strike| one.contains(strike)) => {
                        self.push(&format!("\\xcancel{{{content}}}"))
                    }
                    one if one.contains(strikes[0]) => self.push(&format!("\\cancel{{{content}}}")),
                    one if one.contains(strikes[1]) => {
                        self.push(&format!("\\bcancel{{{content}}}"))
                    }
                    one if one.contains(strikes[2]) => self.marked("ansi-strike", content),
                    "top" => self.push(&format!("\\overline{{{content}}}")),
                    "bottom" => self.push(&format!("\\underline{{{content}}}")),
                    _ => self.marked("nb-m-box", content),
                }
            }
        }
    }

    /// Writes the words of a box.
    pub(super) fn boxed_text(&mut self, class: &str, rest: &mut TexScanner<'_>) -> Option<()> {
        while rest.optional().is_some() {}
        let words = rest.argument()?;
        self.out.push('{');
        if !class.trim().is_empty() {
            self.marks.push_class(&mut self.out, class.trim());
        }
        self.push_text("text", words)?;
        self.out.push('}');
        Some(())
    }
}
