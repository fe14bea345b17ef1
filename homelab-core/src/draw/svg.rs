//! A lab as a picture, laid out without any other program.
use super::Drawing;
use crate::graph::Graph;
use layout::{
    backends::svg::SVGWriter,
    core::{base::Orientation, color::Color, geometry::Point, style::StyleAttr},
    std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind},
    topo::layout::VisualGraph,
};

/// The size that the layout's own invisible elements have: with a single one the picture is the same every time.
const FONT: usize = 15;
/// The width of a character and the height of a line of that font, about.
const CELL: (f64, f64) = (8.0, 18.0);
const MARGIN: f64 = 16.0;
/// With more resources and arrows together nobody waits for the fewest crossings: the work grows with the cube.
const UNTANGLED: usize = 400;

/// The lab as SVG, from left to right: each resource with its group, or its site, below its key.
#[must_use]
pub fn svg(graph: &Graph) -> String {
    let drawing = Drawing::of(graph);
    let mut picture = VisualGraph::new(Orientation::LeftToRight);
    let line = Color::fast("#555555");
    let handles: Vec<_> = drawing
        .nodes
        .iter()
        .map(|node| {
            let below = node.group.map_or_else(|| format!("site {}", node.site), str::to_owned);
            let width = node.key.chars().count().max(below.chars().count()) as f64 * CELL.0 + MARGIN;
            let size = Point::new(width, 2.0 * CELL.1 + MARGIN);
            let look = StyleAttr::new(line, 1, Some(Color::fast(node.colour)), 6, FONT);
            let shape = ShapeKind::new_box(&format!("{}\n{below}", node.key));
            picture.add_node(Element::create(shape, look, Orientation::LeftToRight, size))
        })
        .collect();
    let index = drawing.index();
    for edge in &drawing.edges {
        let style = if edge.is_order() {
            layout::core::style::LineStyleKind::Dashed
        } else {
            layout::core::style::LineStyleKind::Normal
        };
        let look = StyleAttr::new(line, 1, None, 0, FONT);
        let arrow = Arrow::new(LineEndKind::None, LineEndKind::Arrow, style, &edge.label(), &look, &None, &None);
        picture.add_edge(arrow, handles[index[edge.from]], handles[index[edge.to]]);
    }
    let mut writer = SVGWriter::new();
    if !handles.is_empty() {
        picture.do_it(false, drawing.nodes.len() + drawing.edges.len() > UNTANGLED, false, &mut writer);
    }
    writer.finalize().replacen("font-family: Times, serif", "font-family: sans-serif", 1) + "\n"
}
