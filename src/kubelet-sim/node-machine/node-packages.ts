/** What a node's package tools know of: Debian 13 with containerd and the kubelet. Only packages whose programs are simulated. */
import { kubernetesVersion } from "../../apimachinery/kubernetes-version.ts";
import type { Package } from "../../host/index.ts";

/** Paths of node-only programs that packages bring. */
const inBin = (...names: readonly string[]) => names.map((name) => `/usr/bin/${name}`);
const inSbin = (...names: readonly string[]) => names.map((name) => `/usr/sbin/${name}`);

function packaged(
	name: string,
	version: string,
	description: string,
	programs: readonly string[],
	sizeKb: number,
	isInstalled = false,
): Package {
	return { name, versions: [version], description, programs, sizeKb, isInstalled };
}

export const nodePackages: readonly Package[] = [
	packaged("bind9-dnsutils", "1:9.20.11-4", "Clients provided with BIND 9", inBin("nslookup"), 1_102),
	packaged("chrony", "4.6.1-3", "Versatile implementation of the Network Time Protocol", inSbin("chronyd"), 694, true),
	packaged("containerd.io", "2.1.4-1~debian.13~trixie", "An open and reliable container runtime", inBin("containerd"), 119_840, true),
	packaged("cron", "3.0pl1-197", "process scheduling daemon", inSbin("cron"), 253, true),
	packaged("curl", "8.14.1-2", "command line tool for transferring data with URL syntax", inBin("curl"), 526, true),
	packaged("file", "1:5.46-5", 'Recognize the type of data in a file using "magic" numbers', inBin("file"), 125),
	packaged("jq", "1.7.1-6", "lightweight and flexible command-line JSON processor", inBin("jq"), 114),
	packaged("kmod", "34.2-2", "tools for managing Linux kernel modules", inSbin("lsmod", "modprobe", "rmmod"), 271, true),
	packaged("kubelet", `${kubernetesVersion.slice(1)}-1.1`, "Node agent of Kubernetes", inBin("kubelet"), 60_332, true),
	packaged("mount", "2.41-5", "tools for mounting and manipulating filesystems", inSbin("swapon", "swapoff"), 402, true),
	packaged("netcat-openbsd", "1.229-1", "TCP/IP swiss army knife", inBin("nc"), 108),
	packaged(
		"openssh-server",
		"1:10.0p1-7",
		"secure shell (SSH) server, for secure access from remote machines",
		inSbin("sshd"),
		3_421,
		true,
	),
	packaged("policycoreutils", "3.8.1-1", "SELinux core policy utilities", inSbin("sestatus"), 620),
	packaged("selinux-utils", "3.8.1-1", "SELinux utility programs", inSbin("getenforce", "setenforce"), 312),
	packaged(
		"systemd",
		"257.8-1~deb13u2",
		"system and service manager",
		inBin("systemctl", "systemd-analyze", "journalctl", "hostnamectl", "timedatectl"),
		11_284,
		true,
	),
	packaged("tree", "2.2.1-1", "displays an indented directory tree, in color", inBin("tree"), 118),
	packaged("util-linux", "2.41-5", "miscellaneous system utilities", [...inBin("dmesg"), ...inSbin("mkswap")], 4_672, true),
	packaged("wget", "1.25.0-2", "retrieves files from the web", inBin("wget"), 3_692),
];
