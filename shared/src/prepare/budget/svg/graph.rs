//! Elements and what they draw, added up once each.

use std::collections::HashMap;

use super::css::Styles;

/// How often an element draws what it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    /// Once.
    Once,
    /// Once for each shape in it, because those inherit what fills them.
    EachShape,
    /// Once for each vertex of each shape in it.
    EachVertex,
}

/// An element.
#[derive(Default)]
pub(super) struct Node {
    /// What it costs by itself.
    pub(super) weight: u64,
    /// No fewer than its path has.
    pub(super) vertices: u64,
    /// It holds nothing that is drawn by itself.
    pub(super) is_gradient: bool,
    /// What only few have.
    names: Option<Box<Names>>,
}

#[derive(Default)]
struct Names {
    id: Option<String>,
    references: Vec<(String, Times)>,
}

impl Node {
    /// Of this weight, and nothing else.
    pub(super) fn of(weight: u64) -> Self {
        Self {
            weight,
            ..Self::default()
        }
    }

    /// It is called so.
    pub(super) fn set_id(&mut self, id: String) {
        self.names.get_or_insert_default().id = Some(id);
    }

    /// It draws what is called so.
    pub(super) fn refer(&mut self, id: String, times: Times) {
        let names = self.names.get_or_insert_default();
        names.references.push((id, times));
    }

    fn reference(&self, at: usize) -> Option<&(String, Times)> {
        self.names.as_ref()?.references.get(at)
    }

    fn take_id(&mut self) -> Option<String> {
        self.names.as_mut()?.id.take()
    }
}

/// What an element comes to with all that is in it and that it draws.
#[derive(Clone, Copy, Default)]
struct Sum {
    weight: u64,
    elements: u64,
    vertices: u64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.weight = self.weight.saturating_add(other.weight);
        self.elements = self.elements.saturating_add(other.elements);
        self.vertices = self.vertices.saturating_add(other.vertices);
    }
}

/// How far adding up an element has come.
#[derive(Clone, Copy)]
enum State {
    New,
    Begun,
    Done(Sum),
}

/// An element that is being added up.
struct Frame {
    node: usize,
    /// Of its edges, how many have been followed.
    edge: usize,
    sum: Sum,
    each_shape: u64,
    each_vertex: u64,
}

/// The elements of a drawing. The first stands around them all.
pub(super) struct Graph {
    nodes: Vec<Node>,
    children: Vec<Vec<usize>>,
    open: Vec<usize>,
}

impl Graph {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
            children: vec![Vec::new()],
            open: vec![0],
        }
    }

    /// How many elements there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// An element within what is open.
    pub(super) fn open(&mut self, node: Node) {
        let at = self.nodes.len();
        let around = self.last();
        self.children[around].push(at);
        self.nodes.push(node);
        self.children.push(Vec::new());
        self.open.push(at);
    }

    /// The end of an element; one too many ends nothing.
    pub(super) fn close(&mut self) {
        if self.open.len() > 1 {
            self.open.pop();
        }
    }

    /// More weight for the element that is open.
    pub(super) fn add(&mut self, weight: u64) {
        let last = self.last();
        let node = &mut self.nodes[last];
        node.weight = node.weight.saturating_add(weight);
    }

    fn last(&self) -> usize {
        *self.open.last().expect("the first is never closed")
    }

    /// What all of it comes to. An error says, after a name, that there is no end to it.
    pub(super) fn total(mut self, styles: &Styles) -> Result<u64, &'static str> {
        for node in &mut self.nodes {
            node.weight = node.weight.saturating_add(styles.weight);
        }
        let mut ids: HashMap<String, usize> = HashMap::new();
        for at in 0..self.nodes.len() {
            if let Some(id) = self.nodes[at].take_id()
                && let Some(before) = ids.insert(id, at)
            {
                // Of two of one name a browser takes the first; here the last has both.
                self.children[at].push(before);
            }
        }
        let mut states = vec![State::New; self.nodes.len()];
        let mut total = self.sum(0, &ids, &mut states)?.weight;
        // What a sheet refers to any element may draw, those that are drawn so as well.
        for id in &styles.references {
            let Some(&at) = ids.get(id) else {
                continue;
            };
            let sum = self.sum(at, &ids, &mut states)?;
            let times = match self.nodes[at].is_gradient {
                true => 1,
                false => sum.weight,
            };
            total = total.saturating_mul(times.saturating_add(1));
        }
        Ok(total)
    }

    /// The sum of the element at `root`. Drawings nest deeper than a stack is, so this does
    /// not recurse.
    fn sum(
        &self,
        root: usize,
        ids: &HashMap<String, usize>,
        states: &mut [State],
    ) -> Result<Sum, &'static str> {
        let mut frames = vec![self.frame(root)];
        states[root] = State::Begun;
        loop {
            let frame = frames.last_mut().expect("the root is returned, not taken");
            let Some((next, times)) = self.edge(frame.node, frame.edge, ids) else {
                let sum = frame.finish();
                states[frame.node] = State::Done(sum);
                frames.pop();
                if frames.is_empty() {
                    return Ok(sum);
                }
                continue;
            };
            match next.map_or(State::Done(Sum::default()), |next| states[next]) {
                State::Done(sum) => {
                    frame.edge += 1;
                    frame.take(sum, times);
                }
                State::Begun => return Err("draws itself"),
                State::New => {
                    let next = next.expect("what is nothing is done");
                    states[next] = State::Begun;
                    frames.push(self.frame(next));
                }
            }
        }
    }

    fn frame(&self, node: usize) -> Frame {
        let Node {
            weight, vertices, ..
        } = self.nodes[node];
        Frame {
            node,
            edge: 0,
            sum: Sum {
                weight,
                elements: 1,
                vertices,
            },
            each_shape: 0,
            each_vertex: 0,
        }
    }

    /// Where an edge leads, if there is anything, and how often; `None` behind the last.
    fn edge(
        &self,
        node: usize,
        edge: usize,
        ids: &HashMap<String, usize>,
    ) -> Option<(Option<usize>, Times)> {
        let children = &self.children[node];
        if let Some(child) = children.get(edge) {
            return Some((Some(*child), Times::Once));
        }
        let (id, times) = self.nodes[node].reference(edge - children.len())?;
        Some((ids.get(id).copied(), *times))
    }
}

impl Frame {
    fn take(&mut self, sum: Sum, times: Times) {
        match times {
            Times::Once => self.sum.add(sum),
            Times::EachShape => self.each_shape = self.each_shape.saturating_add(sum.weight),
            Times::EachVertex => self.each_vertex = self.each_vertex.saturating_add(sum.weight),
        }
    }

    fn finish(&self) -> Sum {
        let shapes = self.each_shape.saturating_mul(self.sum.elements);
        let vertices = self.sum.vertices.saturating_add(self.sum.elements);
        let marks = self.each_vertex.saturating_mul(vertices);
        Sum {
            weight: self.sum.weight.saturating_add(shapes).saturating_add(marks),
            ..self.sum
        }
    }
}
