/**
 * The kernel's settings: what `sysctl` and /proc/sys show and change. One set a machine; containers of it read the same ones (of those that
 * belong to a namespace, only `kernel.hostname` is kept apart). Beside the host's name none of them changes what the simulation does.
 * Source: https://docs.kernel.org/admin-guide/sysctl/; values: Debian 13 as a kubeadm node (net.ipv4.ip_forward, the bridge's filters)
 */

const defaults: Readonly<Record<string, string>> = {
	"fs.aio-max-nr": "65536",
	"fs.file-max": "9223372036854775807",
	"fs.inotify.max_queued_events": "16384",
	"fs.inotify.max_user_instances": "128",
	"fs.inotify.max_user_watches": "63395",
	"fs.nr_open": "1073741816",
	"fs.pipe-max-size": "1048576",
	"kernel.core_pattern": "core",
	"kernel.msgmax": "8192",
	"kernel.msgmnb": "16384",
	"kernel.msgmni": "32000",
	"kernel.ostype": "Linux",
	"kernel.panic": "10",
	"kernel.panic_on_oops": "1",
	"kernel.pid_max": "4194304",
	"kernel.printk": "4\t4\t1\t7",
	"kernel.randomize_va_space": "2",
	"kernel.sem": "32000\t1024000000\t500\t32000",
	"kernel.shm_rmid_forced": "0",
	"kernel.shmall": "18446744073692774399",
	"kernel.shmmax": "18446744073692774399",
	"kernel.shmmni": "4096",
	"kernel.threads-max": "63142",
	"net.bridge.bridge-nf-call-ip6tables": "1",
	"net.bridge.bridge-nf-call-iptables": "1",
	"net.core.default_qdisc": "fq_codel",
	"net.core.netdev_max_backlog": "1000",
	"net.core.rmem_max": "212992",
	"net.core.somaxconn": "4096",
	"net.core.wmem_max": "212992",
	"net.ipv4.conf.all.forwarding": "1",
	"net.ipv4.conf.all.rp_filter": "0",
	"net.ipv4.conf.default.rp_filter": "2",
	"net.ipv4.ip_forward": "1",
	"net.ipv4.ip_local_port_range": "32768\t60999",
	"net.ipv4.ip_unprivileged_port_start": "1024",
	"net.ipv4.neigh.default.gc_thresh1": "128",
	"net.ipv4.neigh.default.gc_thresh2": "512",
	"net.ipv4.neigh.default.gc_thresh3": "1024",
	"net.ipv4.ping_group_range": "0\t2147483647",
	"net.ipv4.tcp_fin_timeout": "60",
	"net.ipv4.tcp_keepalive_intvl": "75",
	"net.ipv4.tcp_keepalive_probes": "9",
	"net.ipv4.tcp_keepalive_time": "7200",
	"net.ipv4.tcp_max_syn_backlog": "512",
	"net.ipv4.tcp_max_tw_buckets": "32768",
	"net.ipv4.tcp_syncookies": "1",
	"net.ipv4.tcp_tw_reuse": "2",
	"net.netfilter.nf_conntrack_count": "0",
	"net.netfilter.nf_conntrack_max": "131072",
	"user.max_user_namespaces": "31571",
	"vm.dirty_background_ratio": "10",
	"vm.dirty_ratio": "20",
	"vm.max_map_count": "1048576",
	"vm.min_free_kbytes": "67584",
	"vm.overcommit_memory": "1",
	"vm.overcommit_ratio": "50",
	"vm.panic_on_oom": "0",
	"vm.swappiness": "60",
};

/** What nobody may change. */
const readOnly: ReadonlySet<string> = new Set(["kernel.ostype", "net.netfilter.nf_conntrack_count"]);

export class KernelSettings {
	/** What was set, by name. */
	readonly #changed = new Map<string, string>();

	/** `vm.swappiness` …, sorted. */
	names(): readonly string[] {
		return [...new Set([...Object.keys(defaults), ...this.#changed.keys()])].sort();
	}

	/** Undefined: there is no such setting. */
	get(name: string): string | undefined {
		return this.#changed.get(name) ?? defaults[name];
	}

	isReadOnly(name: string): boolean {
		return readOnly.has(name);
	}

	/** Numbers stay numbers, as many as there were. @returns false if the kernel does not take it */
	set(name: string, text: string): boolean {
		const before = this.get(name);
		if (before === undefined || readOnly.has(name)) return false;
		const words = text.trim().split(/\s+/);
		const isNumeric = /^-?\d/.test(before);
		if (isNumeric && (!words.every((word) => /^-?\d+$/.test(word)) || words.length > before.split("\t").length)) return false;
		this.#changed.set(name, isNumeric ? words.join("\t") : text.trim());
		return true;
	}
}
