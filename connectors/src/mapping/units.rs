//! Units a mapping may name, by the unit that ends our column's name.

/// One kilogram, cubic metre in other units: what a value in `unit` is multiplied by for a column in `ours`.
const FACTORS: &[(&str, &[(&str, f64)])] = &[
    (
        "kg",
        &[
            ("kg", 1.0),
            ("KGM", 1.0),
            ("g", 0.001),
            ("GRM", 0.001),
            ("t", 1000.0),
            ("TNE", 1000.0),
            ("lb", 0.453_592_37),
            ("LBR", 0.453_592_37),
            ("oz", 0.028_349_523_125),
        ],
    ),
    (
        "m3",
        &[
            ("m3", 1.0),
            ("MTQ", 1.0),
            ("l", 0.001),
            ("LTR", 0.001),
            ("cm3", 1e-6),
            ("CMQ", 1e-6),
            ("ft3", 0.028_316_846_592),
            ("FTQ", 0.028_316_846_592),
        ],
    ),
];

/// The units that a column in `ours` can be given in, and their factors; `None` where there is no choice.
pub(super) fn of(ours: &str) -> Option<&'static [(&'static str, f64)]> {
    FACTORS.iter().find(|(unit, _)| *unit == ours).map(|(_, factors)| *factors)
}
