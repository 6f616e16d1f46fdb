//! What flags and sysctls make of a stack.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use mafo::{CongestionControl, MtuProbing, Nanos, PathChoice};
use mafo_packetdrill::settings::{BadFlag, Failover, Flags, Settings, of_script};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 2);

fn settings(flags: &str, sysctls: &[(&str, &str)]) -> Settings {
    let sysctls: BTreeMap<String, String> =
        sysctls.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::new(&Flags::parse(flags).expect("flags"), ADDRESS, &sysctls)
}

#[test]
fn flags_say_where_tcp_runs_and_what_nobody_knows_is_refused() {
    let flags = Flags::parse("path=offload, cc=reno,mtu=9000,address=10.0.0.7").expect("flags");
    assert_eq!((flags.path, flags.mtu), (PathChoice::Offload, 9000));
    assert_eq!(flags.address, Some(Ipv4Addr::new(10, 0, 0, 7)));
    assert!(flags.read_sysctls);
    assert!(!Flags::parse("sysctls=none").expect("flags").read_sysctls);
    assert_eq!(Flags::parse("").expect("none").path, PathChoice::Host);
    assert_eq!(Flags::parse("colour=red"), Err(BadFlag::Unknown("colour".into())));
    assert_eq!(Flags::parse("path=moon"), Err(BadFlag::Value("moon".into(), "path".into())));
    assert!(Flags::parse("mtu=many").is_err());
    let flags = Flags::parse("path=offload,failover=port").expect("flags");
    assert_eq!(flags.failover, Some(Failover::Port));
    let moon = BadFlag::Value("moon".into(), "failover".into());
    assert_eq!(Flags::parse("path=offload,failover=moon"), Err(moon));
    assert_eq!(Flags::parse("failover=handover"), Err(BadFlag::FailoverWithoutAdapters));
}

#[test]
fn sysctls_reach_the_stack() {
    let set = settings(
        "",
        &[
            ("tcp_timestamps", "0"),
            ("tcp_sack", "0"),
            ("tcp_rmem", "4096\t540000\t15728640"),
            ("tcp_wmem", "4096 50000 4194304"),
            ("tcp_syn_retries", "5"),
            ("tcp_fin_timeout", "7"),
            ("tcp_congestion_control", "reno"),
            ("tcp_notsent_lowat", "4000"),
            ("tcp_fastopen", "0x70403"),
            ("tcp_slow_start_after_idle", "0"),
        ],
    );
    assert_eq!(
        (set.stack.timestamps, set.stack.sack, set.stack.window_scaling),
        (false, false, true)
    );
    assert_eq!((set.stack.recv_buffer, set.stack.recv_buffer_max), (270_000, 15_728_640));
    assert_eq!((set.send_buffer, set.notsent_lowat), (50_000, 4000));
    assert_eq!(set.stack.tcp.syn_retransmits_max, 5);
    assert_eq!(set.stack.fin_timeout, Nanos::from_secs(7));
    assert_eq!(set.algorithm(), Some(CongestionControl::Reno));
    assert!(!set.stack.tcp.slow_start_after_idle);
    assert!(set.unknown.is_empty(), "{:?}", set.unknown);
}

#[test]
fn the_search_for_longer_segments_and_challenges_are_set_as_in_linux() {
    let engine = |name, value| settings("", &[(name, value)]).stack.tcp;
    let probing = |value| engine("tcp_mtu_probing", value).mtu_probing;
    assert_eq!(probing("0"), MtuProbing::Off);
    assert_eq!(probing("1"), MtuProbing::BlackHole);
    assert_eq!(probing("2"), MtuProbing::Always);
    assert_eq!(engine("tcp_base_mss", "1400").mtu_probe_base, 1400);
    assert_eq!(engine("tcp_probe_interval", "30").mtu_probe_interval, Nanos::from_secs(30));
    assert_eq!(engine("tcp_challenge_ack_limit", "7").challenge_acks_per_second, 7);
    let unlimited = engine("tcp_challenge_ack_limit", "2147483647");
    assert_eq!(unlimited.challenge_acks_per_second, u8::MAX, "the most that can be counted");
}

#[test]
fn congestion_control_that_a_script_has_not_changed_is_linuxs_default() {
    let system = |name: &str| {
        let pairs = [("tcp_congestion_control", name), ("tcp_sack", "1")];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    };
    assert_eq!(of_script(&system("bbr"), system("reno")), system("reno"));
    let kept = of_script(&system("bbr"), system("bbr"));
    assert_eq!(kept, [("tcp_sack".to_owned(), "1".to_owned())].into());
    let set = Settings::new(&Flags::default(), ADDRESS, &kept);
    assert_eq!(set.algorithm(), Some(CongestionControl::Cubic));
}

#[test]
fn an_adapter_has_a_code_point_for_what_is_asked_for() {
    use CongestionControl::{Bbr, Cubic, Dctcp, NewReno, Reno};
    let code_points = |flags| settings(flags, &[]).stack.adapter_congestion;
    assert_eq!(code_points(""), [Reno, Cubic, NewReno, Dctcp]);
    assert_eq!(code_points("cc=bbr"), [Bbr, Cubic, NewReno, Dctcp]);
}

#[test]
fn a_flag_comes_before_the_system_and_a_name_that_means_nothing_is_kept_to_be_reported() {
    let system = [("tcp_sack", "1"), ("tcp_congestion_control", "reno"), ("tcp_colour", "3")];
    let set = settings("net.ipv4.tcp_sack=0,cc=cubic,net.ipv4.tcp_rmem=little", &system);
    assert!(!set.stack.sack);
    assert_eq!(set.algorithm(), Some(CongestionControl::Cubic));
    let unknown: Vec<&str> = set.unknown.iter().map(String::as_str).collect();
    assert_eq!(unknown, ["tcp_colour", "tcp_rmem"], "and so is a value that is none");
}
