//! The graph of elements and what they draw, in which each element is added up once.

use std::collections::{HashMap, HashSet};

use super::{
    css::Styles,
    dash::{self, shorter},
    repetition::Repetition,
};

/// An element of a drawing.
#[derive(Default)]
pub(super) struct Node {
    /// The weight of the element by itself.
    pub(super) weight: u64,
    /// An upper bound of the vertices of its path.
    pub(super) vertices: u64,
    /// The sum of the numbers that place it, which no line in it exceeds by much.
    pub(super) length: f64,
    /// The shortest period of the dashes of it and of all elements in it.
    pub(super) dashes: Option<f64>,
    /// Other elements draw it, with the styles that it inherits from its ancestors.
    pub(super) is_resource: bool,
    /// Its id, classes and references, which only few elements have.
    names: Option<Box<NodeNames>>,
}

/// The id, the classes and the references of an element.
#[derive(Default)]
struct NodeNames {
    id: Option<String>,
    classes: String,
    references: Vec<(String, Repetition)>,
}

impl Node {
    /// A node of this weight.
    pub(super) fn of(weight: u64) -> Self {
        Self {
            weight,
            ..Self::default()
        }
    }

    /// Sets its id.
    pub(super) fn set_id(&mut self, id: String) {
        self.names.get_or_insert_default().id = Some(id);
    }

    /// Whether it has an id already.
    pub(super) fn has_id(&self) -> bool {
        self.names.as_ref().is_some_and(|names| names.id.is_some())
    }

    /// Adds classes.
    pub(super) fn set_classes(&mut self, classes: &str) {
        let names = self.names.get_or_insert_default();
        names.classes.push(' ');
        names.classes.push_str(classes);
    }

    /// Whether a rule for these classes may apply to it; `None` stands for any class.
    fn has_class_of(&self, classes: Option<&HashSet<String>>) -> bool {
        let Some(classes) = classes else {
            return true;
        };
        let own = self.names.as_ref().map_or("", |names| &names.classes);
        own.split_whitespace().any(|class| classes.contains(class))
    }

    /// Adds a reference to the element `id`, which it draws.
    pub(super) fn refer(&mut self, id: String, times: Repetition) {
        let names = self.names.get_or_insert_default();
        names.references.push((id, times));
    }

    /// The references that the elements in it inherit.
    fn inheritable(&self) -> impl Iterator<Item = &(String, Repetition)> {
        let references = self.names.iter().flat_map(|names| &names.references);
        references.filter(|(_, times)| *times != Repetition::Once)
    }

    fn reference(&self, at: usize) -> Option<&(String, Repetition)> {
        self.names.as_ref()?.references.get(at)
    }

    fn take_id(&mut self) -> Option<String> {
        self.names.as_mut()?.id.take()
    }
}

/// The sums of an element, with all elements in it and all that it draws.
#[derive(Clone, Copy, Default)]
struct NodeSum {
    weight: u64,
    elements: u64,
    vertices: u64,
    length: f64,
    /// The part of the weight whose elements may also draw the references of sheets.
    styled: u64,
}

impl NodeSum {
    fn add(&mut self, other: Self) {
        self.weight = self.weight.saturating_add(other.weight);
        self.elements = self.elements.saturating_add(other.elements);
        self.vertices = self.vertices.saturating_add(other.vertices);
        self.length += other.length;
        self.styled = self.styled.saturating_add(other.styled);
    }
}

/// The number of times that an element draws a marker of a sheet; a path with more vertices
/// weighs more by itself.
const SHEET_MARKER_VERTICES: u64 = 64;

/// The progress of adding up an element.
#[derive(Clone, Copy)]
enum SumState {
    New,
    Begun,
    Done(NodeSum),
}

/// What elements inherit from an open element and its ancestors.
#[derive(Clone, Copy, Default)]
struct Inherited {
    dashes: Option<f64>,
    /// The number of inherited references.
    references: usize,
}

/// The most references that an element may inherit.
const MAX_INHERITED_REFERENCES: usize = 64;

/// An element that is being added up.
struct SumFrame {
    node: usize,
    /// The number of its edges that have been followed.
    edge: usize,
    sum: NodeSum,
    /// The weight that each shape of it draws, and the styled part of that weight.
    each_shape: (u64, u64),
    /// The same for each vertex.
    each_vertex: (u64, u64),
    dashes: Option<f64>,
    is_styled: bool,
}

/// The elements of a drawing. The first one is a node around them all.
pub(super) struct DrawingGraph {
    nodes: Vec<Node>,
    children: Vec<Vec<usize>>,
    open: Vec<usize>,
    /// For each open element, what the elements in it inherit.
    inherited: Vec<Inherited>,
    styled: Vec<bool>,
}

impl DrawingGraph {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
            children: vec![Vec::new()],
            open: vec![0],
            inherited: vec![Inherited::default()],
            styled: Vec::new(),
        }
    }

    /// The number of elements.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Opens an element within the open one. An error says that it inherits too much.
    pub(super) fn open(&mut self, mut node: Node) -> Result<(), &'static str> {
        let at = self.nodes.len();
        let around = self.last();
        let inherited = self.inherited.last().expect("the first is never closed");
        let (mut dashes, mut count) = (inherited.dashes, inherited.references);
        if node.is_resource {
            if count > MAX_INHERITED_REFERENCES {
                return Err("inherits too much");
            }
            node.dashes = shorter(node.dashes, dashes);
            if count > 0 {
                self.inherit(&mut node);
            }
        }
        dashes = shorter(dashes, node.dashes);
        count += node.inheritable().count();
        self.children[around].push(at);
        self.nodes.push(node);
        self.children.push(Vec::new());
        self.open.push(at);
        self.inherited.push(Inherited {
            dashes,
            references: count,
        });
        Ok(())
    }

    /// Gives `node` the references of its ancestors, from the nearest one up.
    fn inherit(&self, node: &mut Node) {
        for (at, around) in self.open.iter().zip(&self.inherited).rev() {
            if around.references == 0 {
                break;
            }
            for (id, times) in self.nodes[*at].inheritable() {
                node.refer(id.clone(), *times);
            }
        }
    }

    /// Closes the open element; one end tag too many closes nothing.
    pub(super) fn close(&mut self) {
        if self.open.len() > 1 {
            self.open.pop();
            self.inherited.pop();
        }
    }

    /// Adds weight to the open element.
    pub(super) fn add(&mut self, weight: u64) {
        let last = self.last();
        let node = &mut self.nodes[last];
        node.weight = node.weight.saturating_add(weight);
    }

    /// Adds length to the lines of the open element.
    pub(super) fn lengthen(&mut self, length: f64) {
        let last = self.last();
        self.nodes[last].length += length;
    }

    /// Multiplies the length of all lines, to the length at which their dashes are measured.
    pub(super) fn scale_lines(&mut self, scale: f64) {
        for node in &mut self.nodes {
            node.length *= scale;
        }
    }

    fn last(&self) -> usize {
        *self.open.last().expect("the first is never closed")
    }

    /// The weight of the whole drawing. An error, in words that follow a name, says that it draws
    /// itself without end.
    pub(super) fn total(mut self, styles: &Styles) -> Result<u64, &'static str> {
        let any = !styles.references.is_empty();
        for node in &mut self.nodes {
            node.weight = node.weight.saturating_add(styles.weight);
            node.length += styles.length;
            self.styled
                .push(any && node.has_class_of(styles.classes.as_ref()));
        }
        // All elements inherit the dashes of a sheet.
        self.nodes[0].is_resource = true;
        for node in self.nodes.iter_mut().filter(|node| node.is_resource) {
            node.dashes = shorter(node.dashes, styles.dashes);
        }
        let mut ids: HashMap<String, usize> = HashMap::new();
        for at in 0..self.nodes.len() {
            if let Some(id) = self.nodes[at].take_id()
                && let Some(before) = ids.insert(id, at)
            {
                // Of two elements of one id a browser takes the first; here the last draws both.
                self.children[at].push(before);
            }
        }
        let mut states = vec![SumState::New; self.nodes.len()];
        let whole = self.sum(0, &ids, &mut states)?;
        // A styled element may draw each reference of a sheet, and the styled elements in that
        // reference may draw each again.
        let (mut drawn, mut again) = (0_u64, 1_u64);
        let mut before = None;
        for (id, times) in &styles.references {
            let Some(&at) = ids.get(id).filter(|_| before != Some(id)) else {
                continue;
            };
            before = Some(id);
            let sum = self.sum(at, &ids, &mut states)?;
            let each = match times {
                Repetition::EachVertex => SHEET_MARKER_VERTICES,
                _ => 1,
            };
            let weight = sum.weight.saturating_mul(each);
            if sum.styled == 0 {
                drawn = drawn.saturating_add(weight);
            } else {
                again = again.saturating_mul(weight.saturating_add(1));
            }
        }
        let each = drawn.saturating_add(1).saturating_mul(again) - 1;
        Ok(whole
            .weight
            .saturating_add(whole.styled.saturating_mul(each)))
    }

    /// The sums of the element at `root`. It does not recurse, because drawings nest deeper than
    /// the stack allows.
    fn sum(
        &self,
        root: usize,
        ids: &HashMap<String, usize>,
        states: &mut [SumState],
    ) -> Result<NodeSum, &'static str> {
        let mut frames = vec![self.frame(root)];
        states[root] = SumState::Begun;
        loop {
            let frame = frames.last_mut().expect("the root is returned, not taken");
            let Some((next, times)) = self.edge(frame.node, frame.edge, ids) else {
                let sum = frame.finish();
                states[frame.node] = SumState::Done(sum);
                frames.pop();
                if frames.is_empty() {
                    return Ok(sum);
                }
                continue;
            };
            match next.map_or(SumState::Done(NodeSum::default()), |next| states[next]) {
                SumState::Done(sum) => {
                    frame.edge += 1;
                    frame.take(sum, times);
                }
                SumState::Begun => return Err("draws itself"),
                SumState::New => {
                    let next = next.expect("what is nothing is done");
                    states[next] = SumState::Begun;
                    frames.push(self.frame(next));
                }
            }
        }
    }

    fn frame(&self, node: usize) -> SumFrame {
        let Node {
            weight,
            vertices,
            length,
            dashes,
            ..
        } = self.nodes[node];
        SumFrame {
            node,
            edge: 0,
            sum: NodeSum {
                weight,
                elements: 1,
                vertices,
                length,
                styled: 0,
            },
            each_shape: (0, 0),
            each_vertex: (0, 0),
            dashes,
            is_styled: self.styled[node],
        }
    }

    /// The node that an edge leads to, if there is one, and how often it is drawn; `None` after the
    /// last edge.
    fn edge(
        &self,
        node: usize,
        edge: usize,
        ids: &HashMap<String, usize>,
    ) -> Option<(Option<usize>, Repetition)> {
        let children = &self.children[node];
        if let Some(child) = children.get(edge) {
            return Some((Some(*child), Repetition::Once));
        }
        let (id, times) = self.nodes[node].reference(edge - children.len())?;
        Some((ids.get(id).copied(), *times))
    }
}

impl SumFrame {
    fn take(&mut self, sum: NodeSum, times: Repetition) {
        let each = match times {
            Repetition::Once => return self.sum.add(sum),
            Repetition::EachShape => &mut self.each_shape,
            Repetition::EachVertex => &mut self.each_vertex,
        };
        each.0 = each.0.saturating_add(sum.weight);
        each.1 = each.1.saturating_add(sum.styled);
    }

    fn finish(&self) -> NodeSum {
        let NodeSum {
            elements, vertices, ..
        } = self.sum;
        let vertices = vertices.saturating_add(elements);
        let all = |own: u64, shape: u64, vertex: u64| {
            let shapes = shape.saturating_mul(elements);
            let marks = vertex.saturating_mul(vertices);
            own.saturating_add(shapes).saturating_add(marks)
        };
        let dashes = self
            .dashes
            .map_or(0, |period| dash::cost(period, self.sum.length, elements));
        let weight = all(self.sum.weight, self.each_shape.0, self.each_vertex.0);
        let weight = weight.saturating_add(dashes);
        let styled = all(self.sum.styled, self.each_shape.1, self.each_vertex.1);
        NodeSum {
            weight,
            // All elements in it inherit its style.
            styled: if self.is_styled { weight } else { styled },
            ..self.sum
        }
    }
}
