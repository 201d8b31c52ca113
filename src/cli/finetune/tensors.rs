//! Tensors to and from safetensors files. A file is written beside its place and then renamed, so that a full disk never
//! leaves half a file.

use std::borrow::Cow;
use std::path::Path;

use safetensors::{Dtype, SafeTensors, View};

use crate::cli::files;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::train::NamedTensor;

/// A tensor of f32 to be written.
pub(super) struct Floats<'a> {
    pub shape: Vec<usize>,
    pub values: &'a [f32],
}

impl<'a> Floats<'a> {
    pub(super) fn of(tensor: &'a NamedTensor) -> (&'a str, Self) {
        (&tensor.name, Self { shape: tensor.shape.clone(), values: &tensor.values })
    }
}

impl View for Floats<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        if cfg!(target_endian = "little") {
            return Cow::Borrowed(bytemuck::cast_slice(self.values));
        }
        Cow::Owned(self.values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        size_of_val(self.values)
    }
}

pub(super) fn write<'a, N: AsRef<str> + Ord + std::fmt::Display>(
    path: &Path,
    tensors: impl IntoIterator<Item = (N, Floats<'a>)>,
) -> Result<()> {
    // transformers asks for this entry.
    let metadata = [("format".to_owned(), "pt".to_owned())].into();
    let failed = || Error::new(Code::File, path.display().to_string(), "cannot be written");
    safetensors::serialize_to_file(tensors, Some(metadata), path).map_err(|e| failed().caused_by(e))?;
    // It comes from a temporary file, which only its owner may read.
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .map_err(|e| failed().caused_by(e))?;
    Ok(())
}

/// The tensors of a file that [`write`] made, taken out by name.
pub(super) fn reader(path: &Path) -> Result<impl FnMut(&str) -> Result<Vec<f32>> + use<>> {
    let place = path.display().to_string();
    let bytes = files::read(path, limits::MAX_WEIGHTS_BYTES)?;
    SafeTensors::deserialize(&bytes).map_err(|e| Error::model(&place, "is not a safetensors file").caused_by(e))?;
    Ok(move |name: &str| {
        let file = SafeTensors::deserialize(&bytes)
            .map_err(|e| Error::model(&place, "is not a safetensors file").caused_by(e))?;
        let tensor = file.tensor(name).map_err(|e| Error::model(&place, format!("has no {name}")).caused_by(e))?;
        if tensor.dtype() != Dtype::F32 {
            return Err(Error::model(&place, format!("{name} is not f32")));
        }
        Ok(tensor.data().as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect())
    })
}
