/**
 * What is installed on a node: Debian with systemd, containerd and kubeadm's packages. What all nodes have is one frozen tree; what
 * is a node's own is written when somebody first looks at its files.
 * Source: the packages' own unit files (kubernetes/release, containerd, Debian's openssh-server, cron, chrony),
 * https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/kubelet-integration/
 */
import type { FileSystem, TreeBuilder } from "../../host/index.ts";
import { cgroupTools, debian, networkTools, procps, stressTools } from "../images/base.ts";
import { once } from "../images/image.ts";
import { outsideNameServer } from "../network/cluster-network.ts";
import { containerdConfigPath, shippedConfig } from "../runtime/containerd-config.ts";
import { runtimeProgramNames } from "../runtime/program-names.ts";

export const containerdSocket = "/var/run/containerd/containerd.sock";
export const kubeletConfigPath = "/var/lib/kubelet/config.yaml";
export const kubeletKubeconfigPath = "/etc/kubernetes/kubelet.conf";
export const clusterCaPath = "/etc/kubernetes/pki/ca.crt";

/** Programs that node-system.ts brings, in the directory where they are installed. */
const systemBinaries: readonly string[] = [
	"systemctl",
	"journalctl",
	"systemd-analyze",
	"systemd-notify",
	"hostnamectl",
	"timedatectl",
	"dmesg",
	"apt",
	"apt-get",
	"apt-cache",
	"apt-mark",
	"dpkg",
	"dpkg-query",
];
const administrationBinaries: readonly string[] = [
	"reboot",
	"poweroff",
	"halt",
	"shutdown",
	"lsmod",
	"modprobe",
	"rmmod",
	"swapon",
	"swapoff",
	"mkswap",
];
const daemons: readonly (readonly [path: string, program: string])[] = [
	["/usr/lib/systemd/systemd", "systemd"],
	["/usr/lib/systemd/systemd-journald", "daemon"],
	["/usr/bin/containerd", "containerd"],
	["/usr/bin/kubelet", "kubelet"],
	["/usr/sbin/sshd", "daemon"],
	["/usr/sbin/cron", "daemon"],
	["/usr/sbin/chronyd", "daemon"],
];

function unit(sections: Readonly<Record<string, readonly string[]>>): string {
	return Object.entries(sections)
		.map(([name, lines]) => `[${name}]\n${lines.join("\n")}\n`)
		.join("\n");
}

const wantedByMultiUser = { Install: ["WantedBy=multi-user.target"] } as const;

const unitFiles: Readonly<Record<string, string>> = {
	"containerd.service": unit({
		Unit: ["Description=containerd container runtime", "Documentation=https://containerd.io", "After=network.target dbus.service"],
		Service: [
			"ExecStart=/usr/bin/containerd",
			"",
			"Type=notify",
			"Delegate=yes",
			"KillMode=process",
			"Restart=always",
			"RestartSec=5",
			"",
			"LimitNPROC=infinity",
			"LimitCORE=infinity",
			"TasksMax=infinity",
			"OOMScoreAdjust=-999",
		],
		...wantedByMultiUser,
	}),
	"kubelet.service": unit({
		Unit: [
			"Description=kubelet: The Kubernetes Node Agent",
			"Documentation=https://kubernetes.io/docs/",
			"Wants=network-online.target",
			"After=network-online.target",
		],
		Service: ["ExecStart=/usr/bin/kubelet", "Restart=always", "StartLimitInterval=0", "RestartSec=10"],
		...wantedByMultiUser,
	}),
	"ssh.service": unit({
		Unit: ["Description=OpenBSD Secure Shell server", "Documentation=man:sshd(8) man:sshd_config(5)", "After=network.target"],
		Service: [
			"EnvironmentFile=-/etc/default/ssh",
			"ExecStart=/usr/sbin/sshd -D $SSHD_OPTS",
			"KillMode=process",
			"Restart=on-failure",
			"Type=notify",
		],
		Install: ["WantedBy=multi-user.target", "Alias=sshd.service"],
	}),
	"cron.service": unit({
		Unit: ["Description=Regular background program processing daemon", "Documentation=man:cron(8)"],
		Service: ["EnvironmentFile=-/etc/default/cron", "ExecStart=/usr/sbin/cron -f $EXTRA_OPTS", "KillMode=process", "Restart=on-failure"],
		...wantedByMultiUser,
	}),
	"chrony.service": unit({
		Unit: ["Description=chrony, an NTP client/server", "Documentation=man:chronyd(8) man:chronyc(1) man:chrony.conf(5)"],
		Service: ["Type=notify", "EnvironmentFile=-/etc/default/chrony", "ExecStart=/usr/sbin/chronyd -n $DAEMON_OPTS"],
		Install: ["WantedBy=multi-user.target", "Alias=chronyd.service"],
	}),
	"systemd-journald.service": unit({
		Unit: ["Description=Journal Service", "Documentation=man:systemd-journald.service(8) man:journald.conf(5)"],
		Service: ["ExecStart=/usr/lib/systemd/systemd-journald", "Restart=always", "RestartSec=0", "Type=notify"],
	}),
	"multi-user.target": unit({
		Unit: ["Description=Multi-User System", "Documentation=man:systemd.special(7)", "Requires=basic.target", "After=basic.target"],
	}),
	"basic.target": unit({
		Unit: ["Description=Basic System", "Documentation=man:systemd.special(7)", "Requires=sysinit.target", "Wants=timers.target"],
	}),
	"timers.target": unit({ Unit: ["Description=Timer Units", "Documentation=man:systemd.special(7)"] }),
	"sysinit.target": unit({
		Unit: ["Description=System Initialization", "Documentation=man:systemd.special(7)", "Wants=systemd-journald.service"],
	}),
	"network.target": unit({ Unit: ["Description=Network", "Documentation=man:systemd.special(7)"] }),
	"network-online.target": unit({
		Unit: ["Description=Network is Online", "Documentation=man:systemd.special(7)", "After=network.target"],
	}),
};

const enabledUnits: readonly string[] = ["chrony.service", "containerd.service", "cron.service", "kubelet.service", "ssh.service"];

/** kubeadm's drop-in. */
const kubeadmDropIn = unit({
	Service: [
		`Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=${kubeletKubeconfigPath}"`,
		`Environment="KUBELET_CONFIG_ARGS=--config=${kubeletConfigPath}"`,
		"# kubeadm writes this file: KUBELET_KUBEADM_ARGS",
		"EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env",
		"# for flags of the administrator's: KUBELET_EXTRA_ARGS",
		"EnvironmentFile=-/etc/default/kubelet",
		"ExecStart=",
		"ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS",
	],
});

const crictlConfig = `runtime-endpoint: unix:///run/containerd/containerd.sock
image-endpoint: unix:///run/containerd/containerd.sock
timeout: 2
debug: false
`;

/** Shared by all nodes. */
export const installedFiles = once(() => {
	const builder: TreeBuilder = debian([...networkTools, "curl", "dig", "host", "nslookup", ...procps, ...cgroupTools, ...stressTools])
		.file("/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
		.file("/etc/resolv.conf", `nameserver ${outsideNameServer}\noptions ndots:0\n`)
		.directory("/etc/containerd/certs.d")
		.file(containerdConfigPath, shippedConfig)
		.file("/etc/crictl.yaml", crictlConfig)
		.directory("/run/containerd/io.containerd.runtime.v2.task")
		.directory("/var/lib/containerd")
		.programs("/usr/bin", runtimeProgramNames)
		.directory("/etc/kubernetes/manifests")
		.directory("/var/lib/kubelet")
		.directory("/var/log/pods")
		.symlink("/lib", "usr/lib")
		.symlink("/var/run", "/run")
		.symlink("/var/log/messages", "syslog")
		.directory("/etc/systemd/system")
		.file("/etc/default/kubelet", "KUBELET_EXTRA_ARGS=\n")
		.file("/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf", kubeadmDropIn)
		.symlink("/usr/lib/systemd/system/default.target", "multi-user.target")
		.programs("/usr/bin", systemBinaries)
		.programs("/usr/sbin", administrationBinaries)
		.symlink("/usr/sbin/init", "../lib/systemd/systemd");
	for (const [path, program] of daemons) builder.program(path, program);
	for (const [name, text] of Object.entries(unitFiles)) builder.file(`/usr/lib/systemd/system/${name}`, text);
	for (const name of enabledUnits)
		builder.symlink(`/etc/systemd/system/multi-user.target.wants/${name}`, `/usr/lib/systemd/system/${name}`);
	for (const [alias, name] of [
		["sshd.service", "ssh.service"],
		["chronyd.service", "chrony.service"],
	] as const)
		builder.symlink(`/etc/systemd/system/${alias}`, `/usr/lib/systemd/system/${name}`);
	return builder.build();
});

export interface OwnFiles {
	readonly name: string;
	readonly machineId: string;
	/** The API server, as the kubelet finds it: `https://172.19.0.2:6443`. */
	readonly apiServer: string;
	/** PEM; absent where nobody has made certificates. */
	readonly clusterCa: string | undefined;
	readonly clusterDns: string;
	/** What its kubelet was told beside what all are told, in the terms of a KubeletConfiguration. */
	readonly kubelet: object;
}

/** Writes what is a node's own. */
export function writeOwnFiles(files: FileSystem, own: OwnFiles): void {
	const { name, machineId, clusterCa } = own;
	files.writeFile("/etc/hostname", `${name}\n`);
	files.writeFile("/etc/machine-id", `${machineId}\n`);
	files.writeFile("/var/lib/kubelet/kubeadm-flags.env", 'KUBELET_KUBEADM_ARGS=""\n');
	files.writeFile(kubeletConfigPath, kubeletConfigYaml(own));
	files.writeFile(kubeletKubeconfigPath, kubeletKubeconfig(own));
	if (clusterCa === undefined) return;
	files.mkdir("/etc/kubernetes/pki", { recursive: true });
	files.writeFile(clusterCaPath, clusterCa);
}

/** As kubeadm writes it. Values that somebody gave are in JSON, which is YAML, too. */
function kubeletConfigYaml({ clusterCa, clusterDns, kubelet }: OwnFiles): string {
	const x509 = clusterCa === undefined ? [] : ["  x509:", `    clientCAFile: ${clusterCaPath}`];
	return [
		"apiVersion: kubelet.config.k8s.io/v1beta1",
		"authentication:",
		"  anonymous:",
		"    enabled: false",
		"  webhook:",
		"    cacheTTL: 0s",
		"    enabled: true",
		...x509,
		"authorization:",
		"  mode: Webhook",
		"cgroupDriver: systemd",
		"clusterDNS:",
		`- ${clusterDns}`,
		"clusterDomain: cluster.local",
		`containerRuntimeEndpoint: unix://${containerdSocket}`,
		"kind: KubeletConfiguration",
		"rotateCertificates: true",
		"staticPodPath: /etc/kubernetes/manifests",
		...Object.entries(kubelet).map(([key, value]) => `${key}: ${JSON.stringify(value)}`),
		"",
	].join("\n");
}

function kubeletKubeconfig({ apiServer, clusterCa }: OwnFiles): string {
	const ca = clusterCa === undefined ? [] : [`    certificate-authority-data: ${Buffer.from(clusterCa).toString("base64")}`];
	const certificate = "/var/lib/kubelet/pki/kubelet-client-current.pem";
	return [
		"apiVersion: v1",
		"clusters:",
		"- cluster:",
		...ca,
		`    server: ${apiServer}`,
		"  name: default-cluster",
		"contexts:",
		"- context:",
		"    cluster: default-cluster",
		"    namespace: default",
		"    user: default-auth",
		"  name: default-context",
		"current-context: default-context",
		"kind: Config",
		"users:",
		"- name: default-auth",
		"  user:",
		`    client-certificate: ${certificate}`,
		`    client-key: ${certificate}`,
		"",
	].join("\n");
}
