//! The operations of a training pass that have a forward and a backward pass of their own: a burn backend extension
//! under autodiff.
//!
//! burn's autodiff would break them into a dozen tensors each and keep those until the backward pass. Here each is one
//! pass over the data on all cores, and what can be computed again cheaply (attention weights, dropout masks) is not
//! kept. The matrix products stay burn's.

// Shapes come from `model/`, which `weights/` has checked; the asserts state it.
#![allow(clippy::panic)]

mod attention;
mod gelu;
mod host;
mod mask;
mod norm;

pub(super) use attention::Sequences;
pub(super) use mask::{Mask, mixed};

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, backend_extension};
use burn_flex::{Flex, FlexTensor};

/// Attention with dropout, dropout with residual and LayerNorm, GELU.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait TrainOps: Backend {
    /// Self-attention of each sequence, with dropout on the weights.
    ///
    /// # Shapes
    /// - query, key, value, output: `[tokens, hidden]`
    fn train_attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        sequences: Sequences,
        mask: Mask,
    ) -> FloatTensor<Self>;

    /// `LayerNorm(dropout(x) + residual)`.
    ///
    /// # Shapes
    /// - x, residual, output: `[rows, width]`
    /// - gamma, beta: `[width]`
    fn train_add_norm(
        x: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        mask: Mask,
    ) -> FloatTensor<Self>;

    /// `x * Phi(x)`; any shape.
    fn train_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// What [`TrainOps`] needs of the backend underneath autodiff.
pub(crate) trait TrainKernels: Backend {
    /// Gradients of query, key and value.
    fn attention_backward(
        inputs: [FloatTensor<Self>; 3],
        grad: FloatTensor<Self>,
        sequences: &Sequences,
        mask: Mask,
    ) -> [FloatTensor<Self>; 3];

    /// The output, and the sum before the norm, which the backward pass needs.
    fn add_norm(
        x: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        mask: Mask,
    ) -> [FloatTensor<Self>; 2];

    /// Gradients of x, residual, gamma and beta.
    fn add_norm_backward(
        sum: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        epsilon: f64,
        mask: Mask,
    ) -> [FloatTensor<Self>; 4];

    /// Gradient of x.
    fn train_gelu_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl TrainOps for Flex {
    fn train_attention(
        query: FlexTensor,
        key: FlexTensor,
        value: FlexTensor,
        sequences: Sequences,
        mask: Mask,
    ) -> FlexTensor {
        attention::forward([query, key, value], &sequences, mask)
    }

    fn train_add_norm(
        x: FlexTensor,
        residual: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
        mask: Mask,
    ) -> FlexTensor {
        let [output, _] = norm::forward(x, residual, &gamma, &beta, epsilon, mask);
        output
    }

    fn train_gelu(x: FlexTensor) -> FlexTensor {
        gelu::forward(x)
    }
}

impl TrainKernels for Flex {
    fn attention_backward(
        inputs: [FlexTensor; 3],
        grad: FlexTensor,
        sequences: &Sequences,
        mask: Mask,
    ) -> [FlexTensor; 3] {
        attention::backward(inputs, grad, sequences, mask)
    }

    fn add_norm(
        x: FlexTensor,
        residual: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
        mask: Mask,
    ) -> [FlexTensor; 2] {
        norm::forward(x, residual, &gamma, &beta, epsilon, mask)
    }

    fn add_norm_backward(
        sum: FlexTensor,
        gamma: FlexTensor,
        grad: FlexTensor,
        epsilon: f64,
        mask: Mask,
    ) -> [FlexTensor; 4] {
        norm::backward(&sum, &gamma, grad, epsilon, mask)
    }

    fn train_gelu_backward(x: FlexTensor, grad: FlexTensor) -> FlexTensor {
        gelu::backward(&x, grad)
    }
}

#[derive(Debug)]
struct AttentionNode;

impl<B: TrainKernels> Backward<B, 3> for AttentionNode {
    type State = ([FloatTensor<B>; 3], Sequences, Mask);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (inputs, sequences, mask) = ops.state;
        let found = B::attention_backward(inputs, grad, &sequences, mask);
        for (parent, grad) in ops.parents.into_iter().zip(found) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

#[derive(Debug)]
struct AddNormNode;

impl<B: TrainKernels> Backward<B, 4> for AddNormNode {
    type State = (FloatTensor<B>, FloatTensor<B>, f64, Mask);

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (sum, gamma, epsilon, mask) = ops.state;
        let found = B::add_norm_backward(sum, gamma, grad, epsilon, mask);
        for (parent, grad) in ops.parents.into_iter().zip(found) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

#[derive(Debug)]
struct GeluNode;

impl<B: TrainKernels> Backward<B, 1> for GeluNode {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let [parent] = ops.parents;
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::train_gelu_backward(ops.state, grad));
        }
    }
}

impl<B: TrainOps + TrainKernels, C: CheckpointStrategy> TrainOps for Autodiff<B, C> {
    fn train_attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        sequences: Sequences,
        mask: Mask,
    ) -> FloatTensor<Self> {
        let prepared = AttentionNode.prepare::<C>([query.node(), key.node(), value.node()]).compute_bound().stateful();
        let inputs = [query, key, value].map(|tensor| tensor.primitive().clone());
        let [query, key, value] = inputs.clone();
        let output = B::train_attention(query, key, value, sequences.clone(), mask);
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish((inputs, sequences, mask), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn train_add_norm(
        x: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        mask: Mask,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), residual.node(), gamma.node(), beta.node()];
        let prepared = AddNormNode.prepare::<C>(nodes).compute_bound().stateful();
        let [x, residual, gamma, beta] = [x, residual, gamma, beta].map(|tensor| tensor.primitive().clone());
        let [output, sum] = B::add_norm(x, residual, gamma.clone(), beta, epsilon, mask);
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish((sum, gamma, epsilon, mask), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn train_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let prepared = GeluNode.prepare::<C>([x.node()]).compute_bound().stateful();
        let x = x.primitive().clone();
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(x.clone(), B::train_gelu(x)),
            OpsKind::UnTracked(prepared) => prepared.finish(B::train_gelu(x)),
        }
    }
}
