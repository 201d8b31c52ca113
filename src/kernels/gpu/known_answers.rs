//! The known-answer test: each kernel form on small fixed inputs, against the definitions in scalar f64. Shapes are odd, so
//! that the last tile of each kind is not full.

use burn::backend::Dispatch;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use super::{UNIT, pack};
use crate::error::{Code, Error, Result};
use crate::kernels::sequences::AttentionInputs;
use crate::kernels::test_data::noise;
use crate::kernels::{Arithmetic, HeadOps, KernelOps, PANEL, padded_input, reference};
use crate::weights::{Int4Rows, Int8Rows, WordsForm};

/// Largest difference of a result that is right. Results are near 1 and sums have up to 132 terms, so rounding alone stays
/// two digits below it.
const TOLERANCE: f32 = 1e-4;
const EPSILON: f32 = 1e-12;

/// How far one kernel form is from its definition.
#[derive(Clone, Debug)]
pub(crate) struct KnownAnswer {
    /// The form's name.
    pub kernel: String,
    /// Largest difference; NaN if a result is not a number or results are missing.
    pub error: f32,
}

impl KnownAnswer {
    pub(crate) const TOLERANCE: f32 = TOLERANCE;

    /// False for NaN too.
    pub(crate) fn ok(&self) -> bool {
        self.error <= TOLERANCE
    }
}

/// Runs every kernel form, or those that a model uses. `head`: size of an attention head in values; `words`: the form of the
/// table of words, or both.
///
/// # Errors
/// `WORKER_LOST` if the device cannot be read.
pub(crate) async fn known_answers(device: &Device, head: usize, words: Option<WordsForm>) -> Result<Vec<KnownAnswer>> {
    let test = Test { device };
    let [linear, gelu] = [test.linear(false).await?, test.linear(true).await?];
    let [attention, first] = [test.attention(head, false).await?, test.attention(head, true).await?];
    let others = [test.add_norm().await?, test.first_rows().await?, test.head().await?];
    let mut answers: Vec<_> = [linear, gelu, attention, first].into_iter().chain(others).collect();
    for form in [WordsForm::Int8, WordsForm::Int4] {
        if words.is_none_or(|used| used == form) {
            answers.push(test.embed_norm(form).await?);
        }
    }
    Ok(answers)
}

struct Test<'a> {
    device: &'a Device,
}

impl Test<'_> {
    async fn linear(&self, gelu: bool) -> Result<KnownAnswer> {
        let (rows, input, output) = (37, 132, 76);
        let x = noise(rows * input, 1);
        let weights = Int8Rows::quantize(&noise(output * input, 2), input);
        let bias = noise(output, 3);
        let packed = pack(&weights, &bias);
        let shape = [output.div_ceil(PANEL), padded_input(input) / UNIT, PANEL];
        let words: Tensor<3, Int> = Tensor::from_data(TensorData::new(packed.words, shape), (self.device, DType::I32));
        let result: Tensor<2> = Tensor::from_dispatch(Dispatch::quantized_linear(
            self.floats(x.clone(), [rows, input]).into_dispatch(),
            words.into_dispatch(),
            self.vector(packed.scales).into_dispatch(),
            self.vector(packed.sums).into_dispatch(),
            self.vector(packed.bias).into_dispatch(),
            output,
            gelu,
            Arithmetic::F32,
        ));
        let mut exact = reference::linear(&x, &weights, &bias);
        if gelu {
            exact.iter_mut().for_each(|value| *value = reference::gelu(*value));
        }
        compare(if gelu { "linear with GELU" } else { "linear" }, result, &exact).await
    }

    async fn attention(&self, head: usize, first_only: bool) -> Result<KnownAnswer> {
        let (heads, longest) = (3, 70);
        let offsets = [0, 5, 75, 76, 109];
        let (tokens, hidden) = (109, heads * head);
        let width = 3 * hidden;
        let projected = noise(tokens * width, 4);
        let queries: Vec<f32> = projected
            .chunks_exact(width)
            .zip(0..)
            .filter(|(_, token)| !first_only || offsets.contains(token))
            .flat_map(|(row, _)| row.iter().copied())
            .collect();
        let inputs = AttentionInputs {
            queries: &queries,
            query_width: width,
            keys_values: &projected,
            key_value_width: width,
            offsets: &offsets,
            hidden,
            heads,
        };
        let exact = reference::attention(inputs);
        let offsets = self.offsets(offsets);
        let rows = self.floats(projected, [tokens, width]);
        let queries: Tensor<2> = if first_only {
            Tensor::from_dispatch(Dispatch::first_rows(rows.clone().into_dispatch(), offsets.clone().into_dispatch()))
        } else {
            rows.clone()
        };
        let result: Tensor<2> = Tensor::from_dispatch(Dispatch::packed_attention(
            queries.into_dispatch(),
            rows.into_dispatch(),
            offsets.into_dispatch(),
            hidden,
            heads,
            longest,
            Arithmetic::F32,
        ));
        compare(if first_only { "attention of first tokens" } else { "attention" }, result, &exact).await
    }

    async fn add_norm(&self) -> Result<KnownAnswer> {
        let (rows, width) = (5, 260);
        let (x, residual) = (noise(rows * width, 5), noise(rows * width, 6));
        let (gamma, beta) = (noise(width, 7), noise(width, 8));
        let result: Tensor<2> = Tensor::from_dispatch(Dispatch::add_norm(
            self.floats(x.clone(), [rows, width]).into_dispatch(),
            self.floats(residual.clone(), [rows, width]).into_dispatch(),
            self.vector(gamma.clone()).into_dispatch(),
            self.vector(beta.clone()).into_dispatch(),
            EPSILON,
        ));
        let sums: Vec<f32> = x.iter().zip(&residual).map(|(x, residual)| x + residual).collect();
        compare("add and norm", result, &reference::norm(&sums, &gamma, &beta, EPSILON)).await
    }

    async fn embed_norm(&self, form: WordsForm) -> Result<KnownAnswer> {
        // Whole blocks of 4-bit values, but not whole rounds of a row's threads.
        let width = 96;
        let int8 = |rows, seed| Int8Rows::quantize(&noise(rows * width, seed), width);
        let (segments, positions, words) = (int8(2, 10), int8(7, 11), noise(11 * width, 9));
        let (word_bytes, word_scales, word_values) = match form {
            WordsForm::Int8 => {
                let rows = Int8Rows::quantize(&words, width);
                let values = rows.dequantize();
                (rows.values, rows.scales, values)
            }
            WordsForm::Int4 => {
                let rows = Int4Rows::quantize(&words, width);
                let values = rows.dequantize();
                (bytemuck::allocation::cast_vec::<u8, i8>(rows.blocks), Vec::new(), values)
            }
        };
        let indices = [[10, 0, 3, 7], [0, 1, 1, 0], [0, 1, 2, 6]];
        let tokens = indices.first().map_or(0, |ids| ids.len());
        let (gamma, beta) = (noise(width, 12), noise(width, 13));
        let mut sums = vec![0.0; tokens * width];
        for (values, indices) in [word_values, segments.dequantize(), positions.dequantize()].iter().zip(indices) {
            for (sums, index) in sums.chunks_exact_mut(width).zip(indices) {
                let row = values.chunks_exact(width).nth(index).unwrap_or_default();
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
        }
        let scales = [word_scales.as_slice(), &segments.scales, &positions.scales].concat();
        let flat: Vec<i32> = indices.iter().flatten().map(|index| *index as i32).collect();
        let indices: Tensor<2, Int> = Tensor::from_data(TensorData::new(flat, [3, tokens]), (self.device, DType::I32));
        let table = |values: Vec<i8>, columns: usize| {
            let shape = [values.len() / columns, columns];
            let table: Tensor<2, Int> = Tensor::from_data(TensorData::new(values, shape), (self.device, DType::I8));
            table.into_dispatch()
        };
        let result: Tensor<2> = Tensor::from_dispatch(Dispatch::embed_norm(
            form,
            table(word_bytes, form.row_bytes(width)),
            table(segments.values, width),
            table(positions.values, width),
            self.vector(scales).into_dispatch(),
            indices.into_dispatch(),
            self.vector(gamma.clone()).into_dispatch(),
            self.vector(beta.clone()).into_dispatch(),
            EPSILON,
            0,
        ));
        let name = match form {
            WordsForm::Int8 => "embeddings and norm",
            WordsForm::Int4 => "embeddings in 4 bits and norm",
        };
        compare(name, result, &reference::norm(&sums, &gamma, &beta, EPSILON)).await
    }

    async fn first_rows(&self) -> Result<KnownAnswer> {
        let width = 268;
        let hidden = noise(7 * width, 14);
        let result: Tensor<2> = Tensor::from_dispatch(Dispatch::first_rows(
            self.floats(hidden.clone(), [7, width]).into_dispatch(),
            self.offsets([0, 2, 3, 7]).into_dispatch(),
        ));
        let rows = [0, 2, 3].map(|row| hidden.chunks_exact(width).nth(row).unwrap_or_default());
        compare("first rows", result, &rows.concat()).await
    }

    async fn head(&self) -> Result<KnownAnswer> {
        let (sequences, hidden) = (3, 520);
        let x = noise(sequences * hidden, 15);
        // As burn keeps it: [input, output].
        let pooler: Vec<f32> = noise(hidden * hidden, 16).iter().map(|weight| weight / 16.0).collect();
        let (pooler_bias, classifier) = (noise(hidden, 17), noise(hidden, 18));
        let classifier: Vec<f32> = classifier.iter().map(|weight| weight / 16.0).collect();
        let result: Tensor<1> = Tensor::from_dispatch(Dispatch::head(
            self.floats(x.clone(), [sequences, hidden]).into_dispatch(),
            self.floats(pooler.clone(), [hidden, hidden]).into_dispatch(),
            self.vector(pooler_bias.clone()).into_dispatch(),
            self.floats(classifier.clone(), [hidden, 1]).into_dispatch(),
            self.vector(vec![0.25]).into_dispatch(),
        ));
        let logit = |x: &[f32]| {
            let mut sum = 0.25;
            for (channel, (bias, weight)) in pooler_bias.iter().zip(&classifier).enumerate() {
                let weights = pooler.iter().skip(channel).step_by(hidden);
                let pooled: f64 = x.iter().zip(weights).map(|(x, weight)| f64::from(*x) * f64::from(*weight)).sum();
                sum += (pooled + f64::from(*bias)).tanh() * f64::from(*weight);
            }
            sum as f32
        };
        let exact: Vec<f32> = x.chunks_exact(hidden).map(logit).collect();
        compare("head", result, &exact).await
    }

    fn floats<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), (self.device, DType::F32))
    }

    fn vector(&self, values: Vec<f32>) -> Tensor<1> {
        let shape = [values.len()];
        self.floats(values, shape)
    }

    fn offsets<const N: usize>(&self, offsets: [i32; N]) -> Tensor<1, Int> {
        Tensor::from_data(TensorData::from(offsets), (self.device, DType::I32))
    }
}

async fn compare<const D: usize>(kernel: &str, result: Tensor<D>, exact: &[f32]) -> Result<KnownAnswer> {
    let lost = |error| Error::new(Code::WorkerLost, "device", format!("read-back failed: {error}"));
    let data = result.into_data_async().await.map_err(|error| lost(format!("{error:?}")))?;
    let ours = data.try_into_vec_as::<f32>().map_err(|error| lost(format!("{error:?}")))?;
    // Behind the head's logits is a stamp.
    let differences = ours.iter().zip(exact).map(|(ours, exact)| (ours - exact).abs());
    let worst = differences
        .fold(0.0, |worst: f32, difference| if difference > worst || difference.is_nan() { difference } else { worst });
    let error = if ours.len() >= exact.len() { worst } else { f32::NAN };
    Ok(KnownAnswer { kernel: kernel.to_owned(), error })
}
