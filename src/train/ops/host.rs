//! Flex tensors as slices, and work shared out over the cores in pieces whose borders do not depend on their number.

use burn::tensor::{DType, Shape};
use burn_flex::FlexTensor;

/// Elements of a piece of work: large enough that handing it to a thread costs nothing.
pub(super) const PIECE: usize = 1 << 15;

pub(super) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// The values of a contiguous tensor, which may be a part of a larger allocation.
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    let start = tensor.layout().start_offset();
    let all: &[f32] = tensor.storage();
    all.get(start..start + tensor.layout().num_elements()).unwrap_or_default()
}

pub(super) fn empty_like(tensor: &FlexTensor) -> FlexTensor {
    FlexTensor::empty(tensor.layout().shape().clone(), DType::F32)
}

pub(super) fn vector(values: &[f32]) -> FlexTensor {
    let mut tensor = FlexTensor::empty(Shape::from([values.len()]), DType::F32);
    tensor.storage_mut::<f32>().copy_from_slice(values);
    tensor
}

pub(super) fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.layout().shape().dims()
}
