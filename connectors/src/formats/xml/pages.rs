//! The page of documentation of each format, made from the tables that read it.

use std::fmt::Write;

use super::map::Field;
use super::{FORMATS, asycuda, awmds, cargo, codes, ens, korea, ncts, pnrgov, tracking, wco};

/// The tables of a format: what a row is read from, and the lines.
fn tables(name: &str) -> &'static [(&'static str, &'static [Field])] {
    match name {
        korea::IMPORT => &[
            ("Header, under `Declaration`", korea::HEADER),
            ("Header of an import", korea::IMPORT_HEADER),
            ("Item, under `Declaration/GoodsShipment/GovernmentAgencyGoodsItem`", korea::ITEMS),
        ],
        korea::EXPORT => &[
            ("Header, under `Declaration`", korea::HEADER),
            ("Header of an export", korea::EXPORT_HEADER),
            ("Item, under `Declaration/GoodsShipment/GovernmentAgencyGoodsItem`", korea::ITEMS),
        ],
        tracking::NAME => &[
            ("Cargo, under `cargCsclPrgsInfoQryVo`: stream `consignment`", tracking::CARGOES),
            ("Event, under `cargCsclPrgsInfoDtlQryVo`: stream `cargo_event`", tracking::EVENT_FIELDS),
        ],
        wco::DECLARATION => &[
            ("Header, under `Declaration`", wco::HEADER),
            ("Item, under `Declaration/GoodsShipment/GovernmentAgencyGoodsItem`", wco::ITEMS),
        ],
        ens::NAME => &[("Header, under `CC315A` or `CC313A`", ens::HEADER), ("Item, under `GOOITEGDS`", ens::ITEMS)],
        ncts::NAME => &[("Control, under `CC029C` or `CC029B`: stream `outcome`", ncts::FIELDS)],
        asycuda::NAME => &[("Header, under `ASYCUDA`", asycuda::HEADER), ("Item, under `Item`", asycuda::ITEMS)],
        awmds::NAME => &[
            ("Head, under `General_segment`, `Master_bol` or `Manifest_identification`", awmds::HEADER),
            ("Bill, under `Bol_segment`", awmds::BILLS),
        ],
        cargo::WAYBILL | cargo::HOUSE | cargo::MANIFEST => {
            &[("Head of the message", cargo::HEADER), ("Consignment", cargo::CONSIGNMENTS)]
        }
        pnrgov::NAME => &[("Flight and booking", pnrgov::FIELDS)],
        _ => &[],
    }
}

/// The page of a format, as Markdown; `None` where there is no such format.
pub fn page(name: &str) -> Option<String> {
    let format = FORMATS.iter().find(|format| format.name == name)?;
    let mut page = format!("# {}: {}\n\nVersions: {}.\n", format.name, format.title, format.versions.join(", "));
    let tables = tables(name);
    if tables.is_empty() {
        page.push_str("\nGives no rows: it is checked, counted, and read for whoever asks.\n");
    } else {
        page.push_str(
            "\nNames are local names, in any namespace. Of several lines for one column the first that gives something \
             holds.\n`@` is an attribute, `[A=b|c]` holds a step to elements whose `A` is one of these.\n",
        );
    }
    for (title, fields) in tables {
        let _ = write!(page, "\n## {title}\n\n| element | column | read as |\n|---|---|---|\n");
        for field in *fields {
            let says = field.read.says().replace('|', "\\|");
            let _ = writeln!(page, "| `{}` | `{}` | {says} |", field.path.replace('|', "\\|"), field.column);
        }
    }
    for (title, codes) in [("Warnings", codes::WARNINGS), ("Reasons for setting aside", codes::REASONS)] {
        let _ = write!(page, "\n## {title}\n\n| code | says |\n|---|---|\n");
        for (code, says) in codes {
            let _ = writeln!(page, "| `{code}` | {says} |");
        }
    }
    Some(page)
}
