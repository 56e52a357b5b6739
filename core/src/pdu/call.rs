//! Bodies of calls: request, response, fault.

use crate::{
    bytes::{Full, Reader, Short, Writer},
    guid::Guid,
};

/// The request PDU, \[C706\] 12.6.4.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'b> {
    /// How long the client believes the whole stub to be; never trusted.
    pub hint: u32,
    /// Presentation context.
    pub context: u16,
    /// Method.
    pub opnum: u16,
    /// Object UUID; present exactly if the header has the flag [`super::Flags::OBJECT`].
    pub object: Option<Guid>,
    /// This fragment's part of the stub.
    pub stub: &'b [u8],
}

impl<'b> Request<'b> {
    /// Length of the fields before the stub, from the start of the PDU, without an object UUID.
    pub const HEAD: usize = super::Header::LENGTH
        + 4 // alloc_hint
        + 2 // p_cont_id
        + 2; // opnum
    /// Length of an object UUID.
    pub const OBJECT: usize = 16;

    /// Reads the body of a PDU whose header has the object flag as `object` says.
    ///
    /// # Errors
    /// [`Short`] if it ends inside a field.
    pub fn read(reader: &mut Reader<'b>, object: bool) -> Result<Self, Short> {
        let (hint, context, opnum) = (reader.u32()?, reader.u16()?, reader.u16()?);
        let object = if object { Some(Guid::read(reader)?) } else { None };
        Ok(Self { hint, context, opnum, object, stub: reader.take(reader.left())? })
    }

    /// Writes the body.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.u32(self.hint)?;
        writer.u16(self.context)?;
        writer.u16(self.opnum)?;
        self.object.iter().try_for_each(|object| object.write(writer))?;
        writer.put(self.stub)
    }
}

/// The response PDU, \[C706\] 12.6.4.10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response<'b> {
    /// Length of the stub from here on.
    pub hint: u32,
    /// Presentation context.
    pub context: u16,
    /// Cancels that the server saw.
    pub cancels: u8,
    /// This fragment's part of the stub.
    pub stub: &'b [u8],
}

impl<'b> Response<'b> {
    /// Length of the fields before the stub, from the start of the PDU.
    pub const HEAD: usize = super::Header::LENGTH
        + 4 // alloc_hint
        + 2 // p_cont_id
        + 1 // cancel_count
        + 1; // reserved

    /// Reads the body.
    ///
    /// # Errors
    /// [`Short`] if it ends inside a field.
    pub fn read(reader: &mut Reader<'b>) -> Result<Self, Short> {
        let (hint, context) = (reader.u32()?, reader.u16()?);
        let [cancels, _reserved] = reader.array()?;
        Ok(Self { hint, context, cancels, stub: reader.take(reader.left())? })
    }

    /// Writes the body.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.u32(self.hint)?;
        writer.u16(self.context)?;
        writer.put(&[self.cancels, 0])?;
        writer.put(self.stub)
    }
}

/// The fault PDU, \[C706\] 12.6.4.7 and [MS-RPCE] 2.2.2.8.
///
/// Written without a stub, and so 32 bytes long; the status is never encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault<'b> {
    /// Length of the stub.
    pub hint: u32,
    /// Presentation context.
    pub context: u16,
    /// Cancels that the server saw.
    pub cancels: u8,
    /// Bit 0: the stub holds extended error information.
    pub flags: u8,
    /// What went wrong.
    pub status: u32,
    /// Extended error information, if any.
    pub stub: &'b [u8],
}

impl<'b> Fault<'b> {
    /// Length of the fields before the stub, from the start of the PDU.
    pub const HEAD: usize = super::Header::LENGTH
        + 4 // alloc_hint
        + 2 // p_cont_id
        + 1 // cancel_count
        + 1 // reserved, flags in [MS-RPCE]
        + 4 // status
        + 4; // reserved2

    /// Reads the body. A body that ends after the status is read too: old servers send no `reserved2`.
    ///
    /// # Errors
    /// [`Short`] if it ends before or inside the status.
    pub fn read(reader: &mut Reader<'b>) -> Result<Self, Short> {
        let (hint, context) = (reader.u32()?, reader.u16()?);
        let [cancels, flags] = reader.array()?;
        let status = reader.u32()?;
        reader.take(reader.left().min(4))?;
        Ok(Self { hint, context, cancels, flags, status, stub: reader.take(reader.left())? })
    }

    /// Writes the body.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.u32(self.hint)?;
        writer.u16(self.context)?;
        writer.put(&[self.cancels, self.flags])?;
        writer.u32(self.status)?;
        writer.zeros(4)?;
        writer.put(self.stub)
    }
}
