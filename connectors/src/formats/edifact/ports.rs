//! Seaports in countries of several time zones that are called otherwise than the airport beside them: where the clock of
//! a manifest cannot be told from its country or its airport, the port itself tells it. Names of UN/LOCODE, bare facts.

use chrono_tz::Tz;

/// By name, in order.
pub const PORTS: &[(&str, Tz)] = &[
    ("AUBTB", Tz::Australia__Sydney),
    ("AUDAM", Tz::Australia__Perth),
    ("AUFRE", Tz::Australia__Perth),
    ("AUGEX", Tz::Australia__Melbourne),
    ("AUHPT", Tz::Australia__Brisbane),
    ("AUKWI", Tz::Australia__Perth),
    ("AUPKL", Tz::Australia__Sydney),
    ("BRIBB", Tz::America__Sao_Paulo),
    ("BRIOA", Tz::America__Sao_Paulo),
    ("BRITJ", Tz::America__Sao_Paulo),
    ("BRPEC", Tz::America__Fortaleza),
    ("BRSFS", Tz::America__Sao_Paulo),
    ("BRSPB", Tz::America__Sao_Paulo),
    ("BRSUA", Tz::America__Recife),
    ("CAHAL", Tz::America__Halifax),
    ("CAHAM", Tz::America__Toronto),
    ("CAMTR", Tz::America__Toronto),
    ("CANWE", Tz::America__Vancouver),
    ("CAPRR", Tz::America__Vancouver),
    ("CAQUE", Tz::America__Toronto),
    ("CASJB", Tz::America__Moncton),
    ("CATOR", Tz::America__Toronto),
    ("CATRR", Tz::America__Toronto),
    ("CAVAN", Tz::America__Vancouver),
    ("CLCNL", Tz::America__Santiago),
    ("CLLQN", Tz::America__Santiago),
    ("CLMJS", Tz::America__Santiago),
    ("CLQTV", Tz::America__Santiago),
    ("CLSAI", Tz::America__Santiago),
    ("CLSVE", Tz::America__Santiago),
    ("ESALG", Tz::Europe__Madrid),
    ("ESAVS", Tz::Europe__Madrid),
    ("ESCAD", Tz::Europe__Madrid),
    ("ESCAR", Tz::Europe__Madrid),
    ("ESCAS", Tz::Europe__Madrid),
    ("ESCEU", Tz::Europe__Madrid),
    ("ESFRO", Tz::Europe__Madrid),
    ("ESGIJ", Tz::Europe__Madrid),
    ("ESHUV", Tz::Europe__Madrid),
    ("ESMOT", Tz::Europe__Madrid),
    ("ESMPG", Tz::Europe__Madrid),
    ("ESPAS", Tz::Europe__Madrid),
    ("ESSAG", Tz::Europe__Madrid),
    ("ESSCT", Tz::Atlantic__Canary),
    ("ESTAR", Tz::Europe__Madrid),
    ("IDBIT", Tz::Asia__Makassar),
    ("IDBLW", Tz::Asia__Jakarta),
    ("IDGRE", Tz::Asia__Jakarta),
    ("IDMAK", Tz::Asia__Makassar),
    ("IDPNJ", Tz::Asia__Jakarta),
    ("IDTPP", Tz::Asia__Jakarta),
    ("MXATM", Tz::America__Monterrey),
    ("MXPGO", Tz::America__Merida),
    ("NZBLU", Tz::Pacific__Auckland),
    ("NZLYT", Tz::Pacific__Auckland),
    ("NZMAP", Tz::Pacific__Auckland),
    ("NZPOE", Tz::Pacific__Auckland),
    ("PTAVE", Tz::Europe__Lisbon),
    ("PTFDF", Tz::Europe__Lisbon),
    ("PTLEI", Tz::Europe__Lisbon),
    ("PTSET", Tz::Europe__Lisbon),
    ("PTVDC", Tz::Europe__Lisbon),
    ("RUNJK", Tz::Asia__Vladivostok),
    ("RUNVS", Tz::Europe__Moscow),
    ("RUPRI", Tz::Europe__Moscow),
    ("RUTUA", Tz::Europe__Moscow),
    ("RUULU", Tz::Europe__Moscow),
    ("RUVNN", Tz::Asia__Vladivostok),
    ("RUVYP", Tz::Asia__Vladivostok),
    ("USBAL", Tz::America__New_York),
    ("USFPO", Tz::America__Chicago),
    ("USNNS", Tz::America__New_York),
    ("USPEF", Tz::America__New_York),
    ("USSPQ", Tz::America__Los_Angeles),
    ("USTXT", Tz::America__Chicago),
];

#[cfg(test)]
mod tests {
    use super::super::places::zone_of_port;
    use super::*;

    #[test]
    fn each_port_is_needed_and_stands_where_it_is_looked_for() {
        assert!(PORTS.is_sorted_by_key(|(port, _)| *port));
        for (port, zone) in PORTS {
            assert_eq!(zone_of_port(port), Some(*zone), "{port}");
            assert_eq!(zone_of_port(&format!("{}ZZZ", &port[..2])), None, "{port} needs no line");
        }
    }
}
