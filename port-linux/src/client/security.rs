//! Who may do what with a task or a folder.

use clap::Args;
use mainspring::{
    security::SecurityInformation,
    tsch::client::{GetSecurity, SetSecurity},
};
use serde_json::json;

use super::{Failure, checked, line, one_line, with_session};

#[derive(Debug, Args)]
pub(super) struct Security {
    /// Path of the task or folder; \ is the folder of all
    path: String,
    /// The parts to set, such as "D:P(A;;FA;;;BA)(A;;FRFX;;;S-1-5-21-…)": owner (O:), group (G:), who may do what (D:), what is audited
    /// (S:); parts that are not named stay
    sddl: Option<String>,
    /// Do not let the principal of the task read it besides
    #[arg(long, requires = "sddl")]
    without_principal: bool,
}

/// Sets what is given, and then prints owner, group and DACL.
///
/// # Errors
/// What the server said.
pub(super) fn carry_out(arguments: &super::Arguments, wanted: &Security) -> Result<String, Failure> {
    let path = wanted.path.as_str();
    let sddl = with_session(arguments, |session| {
        if let Some(sddl) = &wanted.sddl {
            let request = SetSecurity { path, sddl, principal_reads: !wanted.without_principal };
            checked(session.call(&request)?)?;
        }
        let which = SecurityInformation::OWNER.with(SecurityInformation::GROUP).with(SecurityInformation::DACL);
        let answer = session.call(&GetSecurity { path, which })?;
        checked(answer.status)?;
        let sddl: String = answer.sddl.unwrap_or_default().chars().filter_map(Result::ok).collect();
        Ok(sddl)
    })?;
    if arguments.json {
        return Ok(line(&json!({ "path": path, "security": sddl })));
    }
    Ok(format!("{}\n", one_line(&sddl)))
}
