//! One dispatch of one kernel: its text, its buffers and its shape.

use burn_wgpu::{CubeTensor, KernelSource, SourceKernel, SourceTemplate};
use cubecl::CubeDim;
use cubecl::ir::attributes::BufferIOAttr;
use cubecl::prelude::KernelId;
use cubecl::server::{KernelArguments, MetadataBindingInfo};

use super::{UNIT, count, elements, empty};
use crate::weights::WordsForm;

/// Bytes of workgroup memory that every adapter has.
const WORKGROUP_BYTES: usize = 16_384;

/// The kernels. Equal values share one pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    Linear,
    /// `head`: values of a head in units of four.
    Attention {
        head: usize,
    },
    AddNorm,
    EmbedNorm {
        words: WordsForm,
    },
    FirstRows,
    Head,
}

impl Kernel {
    const fn threads(self) -> u32 {
        match self {
            Self::Head => 128,
            _ => 64,
        }
    }
}

impl KernelSource for Kernel {
    fn source(&self) -> SourceTemplate {
        let norm = include_str!("norm.wgsl");
        let source = match self {
            Self::Linear => SourceTemplate::new(include_str!("linear.wgsl")),
            Self::Attention { head } => SourceTemplate::new(include_str!("attention.wgsl"))
                .register("head", head.to_string())
                .register("keys", keys_of_tile(*head).to_string()),
            Self::AddNorm => SourceTemplate::new(include_str!("add_norm.wgsl")).add_template(norm),
            Self::EmbedNorm { words } => SourceTemplate::new(include_str!("embed_norm.wgsl"))
                .register("int4", (*words == WordsForm::Int4).to_string())
                .add_template(norm),
            Self::FirstRows => SourceTemplate::new(include_str!("first_rows.wgsl")),
            Self::Head => SourceTemplate::new(include_str!("head.wgsl")),
        };
        source.add_template(include_str!("stamp.wgsl"))
    }

    fn id(&self) -> KernelId {
        KernelId::new::<Self>().info(*self)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// Keys of a tile of the attention kernel: up to 32, so that keys and values fit into workgroup memory.
fn keys_of_tile(head: usize) -> usize {
    let bytes_of_four = 2 * 4 * head * UNIT * size_of::<f32>();
    (WORKGROUP_BYTES / bytes_of_four).clamp(1, 8) * 4
}

/// A dispatch being put together. Bindings are numbered in order: inputs, the output, the shape.
pub(super) struct Launch<'a> {
    kernel: Kernel,
    inputs: Vec<&'a CubeTensor>,
    shape: Vec<u32>,
}

impl<'a> Launch<'a> {
    pub(super) const fn new(kernel: Kernel) -> Self {
        Self { kernel, inputs: Vec::new(), shape: Vec::new() }
    }

    pub(super) fn inputs<const N: usize>(mut self, inputs: [&'a CubeTensor; N]) -> Self {
        self.inputs.extend(inputs);
        self
    }

    /// The next members of the kernel's `Shape`.
    pub(super) fn shape<const N: usize>(mut self, values: [usize; N]) -> Self {
        // Sizes of tensors, far below 2^32.
        self.shape.extend(values.map(|value| value as u32));
        self
    }

    /// The next member of the kernel's `Shape`, a float.
    pub(super) fn float(mut self, value: f32) -> Self {
        self.shape.push(value.to_bits());
        self
    }

    /// Where the stamps of `inputs` are, each behind its tensor, as next members of the kernel's `Shape`.
    pub(super) fn stamps<const N: usize>(self, inputs: [&CubeTensor; N]) -> Self {
        self.shape(inputs.map(|input| elements(input) / UNIT))
    }

    /// Dispatches `groups` workgroups and returns the output, of `shape`, its stamp behind it.
    pub(super) fn run<const D: usize>(self, groups: [usize; 3], shape: [usize; D]) -> CubeTensor {
        self.dispatch(groups, shape, shape.iter().product::<usize>() / UNIT)
    }

    /// The same for an output of single values, its stamp the last of `values + 1`.
    pub(super) fn run_with_stamp(self, groups: [usize; 3], values: usize) -> CubeTensor {
        self.dispatch(groups, [values + 1], values)
    }

    fn dispatch<const D: usize>(self, groups: [usize; 3], shape: [usize; D], stamp: usize) -> CubeTensor {
        let this = self.shape([stamp]);
        let Some(first) = this.inputs.first() else { panic!("a kernel without inputs") };
        let output = empty(first, shape);
        // A uniform of whole 16-byte rows, as every device takes it.
        let mut words = this.shape;
        words.resize(words.len().next_multiple_of(4), 0);
        let words = words.as_chunks::<2>().0.iter().map(|[low, high]| u64::from(*low) | u64::from(*high) << 32);
        let mut arguments = KernelArguments::new().with_info(MetadataBindingInfo::custom(words.collect()));
        for input in &this.inputs {
            arguments = arguments.with_buffer_io(input.handle.clone().binding(), BufferIOAttr::ReadOnly);
        }
        arguments = arguments.with_buffer_io(output.handle.clone().binding(), BufferIOAttr::ReadWrite);
        let dim = CubeDim::new_1d(this.kernel.threads());
        output.client.launch(Box::new(SourceKernel::new(this.kernel, dim)), count(groups), arguments);
        output
    }
}
