//! Reads the model of a widget: its name, and its fields with their defaults.

use crate::notebook::RawJson;

/// The prefix of a reference to another model.
const REFERENCE: &str = "IPY_MODEL_";
/// The modules whose models are written; another library may have one of the same name.
const MODULES: [&str; 4] = [
    "@jupyter-widgets/controls",
    "@jupyter-widgets/base",
    "@jupyter-widgets/output",
    "jupyter-js-widgets",
];

/// The values of fields that need not be saved, by the model and the field, as JSON.
const DEFAULTS: [(&str, &str, &str); 21] = [
    ("BoundedFloatText", "value", "0.0"),
    ("BoundedIntText", "value", "0"),
    ("FloatLogSlider", "value", "1.0"),
    ("FloatProgress", "max", "100.0"),
    ("FloatProgress", "value", "0.0"),
    ("FloatRangeSlider", "value", "[0.0,1.0]"),
    ("FloatSlider", "value", "0.0"),
    ("FloatText", "value", "0.0"),
    ("IntProgress", "max", "100"),
    ("IntProgress", "value", "0"),
    ("IntRangeSlider", "value", "[0,1]"),
    ("IntSlider", "value", "0"),
    ("IntText", "value", "0"),
    ("Play", "value", "0"),
    ("FileUpload", "description", "\"Upload\""),
    ("Image", "format", "\"png\""),
    ("Audio", "format", "\"mp3\""),
    ("Video", "format", "\"mp4\""),
    ("FloatSlider", "readout_format", "\".2f\""),
    ("FloatRangeSlider", "readout_format", "\".2f\""),
    ("FloatLogSlider", "readout_format", "\".3g\""),
];

/// A model of ipywidgets.
#[derive(Clone, Copy)]
pub(super) struct Model<'a> {
    /// Its name without `Model`.
    pub(super) name: &'a str,
    json: RawJson<'a>,
    state: RawJson<'a>,
}

impl<'a> Model<'a> {
    /// The model in `json`; `None` when it is of another library, or broken.
    pub(super) fn of(json: RawJson<'a>) -> Option<Self> {
        let module = json.get("model_module").and_then(RawJson::as_written);
        module
            .is_none_or(|module| MODULES.contains(&module))
            .then_some(())?;
        let name = json.get("model_name")?.as_written()?;
        Some(Self {
            name: name.strip_suffix("Model").unwrap_or(name),
            json,
            state: json.get("state")?,
        })
    }

    /// A field, or its default.
    pub(super) fn get(&self, field: &str) -> Option<RawJson<'a>> {
        self.state.get(field).or_else(|| {
            let mut defaults = DEFAULTS.iter();
            let found = defaults.find(|(model, of, _)| *model == self.name && *of == field);
            found.map(|(_, _, json)| RawJson::of(json))
        })
    }

    pub(super) fn text(&self, field: &str) -> String {
        let value = self.get(field).and_then(RawJson::as_str);
        value.unwrap_or_default().into_owned()
    }

    pub(super) fn number(&self, field: &str) -> Option<f64> {
        self.get(field).and_then(RawJson::as_f64)
    }

    pub(super) fn is_true(&self, field: &str) -> bool {
        self.get(field).is_some_and(RawJson::is_true)
    }

    /// The items of a list.
    pub(super) fn items(&self, field: &str) -> impl Iterator<Item = RawJson<'a>> + use<'a> {
        let list = self.get(field).into_iter();
        list.flat_map(RawJson::items)
    }

    /// The ids of the models that it shows; `None` for what refers to no model.
    pub(super) fn children(&self) -> impl Iterator<Item = Option<String>> + use<'a> {
        self.items("children").map(referred)
    }

    /// The id of the model that a field refers to.
    pub(super) fn reference(&self, field: &str) -> Option<String> {
        referred(self.get(field)?)
    }

    /// The number of the page that is open.
    pub(super) fn chosen_page(&self) -> Option<u64> {
        let Some(chosen) = self.state.get("selected_index") else {
            return self.is_old().then_some(0);
        };
        chosen.as_u64()
    }

    /// Whether it is of ipywidgets 7 or before, whose controls had the versions 1.x.
    fn is_old(&self) -> bool {
        let [module, version] = ["model_module", "model_module_version"]
            .map(|field| self.json.get(field).and_then(RawJson::as_written));
        module == Some("jupyter-js-widgets")
            || version
                .is_some_and(|version| version.trim_start_matches(['~', '^']).starts_with("1."))
    }

    /// The bytes of the field `value` in base64, which are saved beside the other fields.
    pub(super) fn bytes(&self) -> Option<&'a str> {
        let mut buffers = self.json.get("buffers")?.items();
        let buffer = buffers.find(|buffer| {
            let path = buffer.get("path").into_iter().flat_map(RawJson::items);
            path.map(RawJson::json).eq(["\"value\""])
        })?;
        let encoding = buffer.get("encoding").and_then(RawJson::as_written);
        encoding
            .is_none_or(|encoding| encoding == "base64")
            .then_some(())?;
        buffer.get("data")?.as_written()
    }
}

fn referred(value: RawJson<'_>) -> Option<String> {
    Some(value.as_str()?.strip_prefix(REFERENCE)?.to_owned())
}
