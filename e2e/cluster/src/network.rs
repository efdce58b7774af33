//! The node's network: a bridge with its address, forwarding, and what CNI gives to pods.

use xshell::{Shell, cmd};

use crate::layout::{NODE_ADDRESS, NODE_BRIDGE, POD_BRIDGE};

/// Makes the bridge and lets packets through.
pub(crate) fn set_up(sh: &Shell) -> anyhow::Result<()> {
    if cmd!(sh, "ip link show {NODE_BRIDGE}").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        cmd!(sh, "ip link add {NODE_BRIDGE} type bridge").quiet().run()?;
        cmd!(sh, "ip addr add {NODE_ADDRESS}/24 dev {NODE_BRIDGE}").quiet().run()?;
    }
    cmd!(sh, "ip link set {NODE_BRIDGE} up").quiet().run()?;
    for setting in ["net.ipv4.ip_forward=1", "net.ipv4.conf.all.route_localnet=1"] {
        cmd!(sh, "sysctl -q -w {setting}").quiet().run()?;
    }
    Ok(())
}

/// Removes what `set_up`, CNI and kube-proxy made; what is not there is no error.
pub(crate) fn remove(sh: &Shell) {
    for bridge in [POD_BRIDGE, NODE_BRIDGE] {
        let _ = cmd!(sh, "ip link delete {bridge}").quiet().ignore_stderr().run();
    }
    for family in ["ip", "ip6"] {
        let _ = cmd!(sh, "nft delete table {family} kube-proxy").quiet().ignore_stderr().run();
    }
}
