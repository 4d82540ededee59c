//! Messages go the same way as files: everybody on a passenger list and every bill of a manifest gets a selection.

use std::path::PathBuf;

use haechi_datasets::{Spec, write_messages};
use haechi_pipeline::find_subject;
use tempfile::TempDir;

use crate::support::{BATCH_ROWS, decider, inputs, ran};

#[test]
fn everybody_in_a_message_gets_a_selection() {
    let spec = Spec { declarations: 0, house_bills: 150, flights: 3, ..Spec::day(31) };
    let folder = TempDir::new().unwrap();
    let written = write_messages(&spec, folder.path()).unwrap();
    for (stream, pattern, subjects) in
        [("traveller", "paxlst/*.edi", written.travellers), ("consignment", "cuscar/*.edi", written.consignments)]
    {
        let pattern: PathBuf = folder.path().join(pattern);
        let ran = ran(stream, inputs(&[&pattern], None, BATCH_ROWS));
        assert!(subjects > 100, "{subjects} {stream}s");
        assert_eq!(
            (ran.report.subjects, ran.report.set_aside),
            (subjects, 0),
            "{stream}: {:?}",
            ran.report.set_aside_reasons
        );
        let selections = ran.selections();
        assert_eq!(selections.len() as u64, subjects, "{stream}");
        // A traveller's key is derived from the message, and is a name to ask by all the same.
        let subject = &selections[0]["subject_id"];
        let found = find_subject(decider(stream), &inputs(&[&pattern], None, BATCH_ROWS), &[], subject, None).unwrap();
        assert_eq!(&found.unwrap().decision.subject_id, subject);
    }
}
