/** `ifconfig`, `route` and `arp`, as busybox prints them. Bytes and packets are not counted. */
import { formatIpv4, parseIpv4Cidr } from "../../../apimachinery/ipv4.ts";
import type { Program } from "../../machine.ts";
import type { NetworkDevice, Route } from "../../net/view.ts";
import { writeText } from "../../stream.ts";

const cannotChange = "the simulated network is laid by the node's CNI plugin, and can be looked at";

export const ifconfig: Program = async ({ argv, stdout, stderr, machine }) => {
	const [name, ...more] = argv.slice(1).filter((argument) => argument !== "-a");
	if (more.length > 0) {
		await writeText(stderr, `ifconfig: ${cannotChange}\n`);
		return 1;
	}
	const all = machine.network.view.devices();
	const devices = name === undefined ? [...all].sort((a, b) => (a.name < b.name ? -1 : 1)) : all.filter((device) => device.name === name);
	if (devices.length === 0) {
		await writeText(stderr, `ifconfig: ${name}: error fetching interface information: Device not found\n`);
		return 1;
	}
	await writeText(stdout, devices.map(deviceText).join(""));
	return 0;
};

function deviceText({ name, type, mac, mtuBytes, addresses }: NetworkDevice): string {
	const isLoopback = type === "loopback";
	const indent = " ".repeat(10);
	const link = isLoopback ? "Link encap:Local Loopback  " : `Link encap:Ethernet  HWaddr ${mac.toUpperCase()}  `;
	const inet = addresses.map((cidr) => {
		const broadcast = isLoopback ? "" : `  Bcast:${formatIpv4(parseIpv4Cidr(cidr)?.last ?? 0)}`;
		return `${indent}inet addr:${cidr.split("/")[0]}${broadcast}  Mask:${maskOf(cidr)}\n`;
	});
	return [
		`${name.padEnd(10)}${link}\n`,
		...inet,
		`${indent}UP ${isLoopback ? "LOOPBACK RUNNING" : "BROADCAST RUNNING MULTICAST"}  MTU:${mtuBytes}  Metric:1\n`,
		`${indent}RX packets:0 errors:0 dropped:0 overruns:0 frame:0\n`,
		`${indent}TX packets:0 errors:0 dropped:0 overruns:0 carrier:0\n`,
		`${indent}collisions:0 txqueuelen:${isLoopback ? 1000 : 0} \n`,
		`${indent}RX bytes:0 (0.0 B)  TX bytes:0 (0.0 B)\n\n`,
	].join("");
}

/** `255.255.255.0` of `10.244.0.0/24`; of `default`, `0.0.0.0`. */
function maskOf(cidr: string): string {
	const bits = Number(cidr.split("/")[1] ?? 0);
	return formatIpv4(2 ** 32 - 2 ** (32 - bits));
}

export const route: Program = async ({ argv, stdout, stderr, machine }) => {
	if (argv.slice(1).some((argument) => !argument.startsWith("-"))) {
		await writeText(stderr, `route: ${cannotChange}\n`);
		return 1;
	}
	const isNumeric = argv.includes("-n");
	const lines = machine.network.view.routes().map((each) => routeLine(each, isNumeric));
	await writeText(
		stdout,
		`Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n${lines.join("")}`,
	);
	return 0;
};

function routeLine({ destination, via, device }: Route, isNumeric: boolean): string {
	const isDefault = destination === "default";
	const network = isDefault ? (isNumeric ? "0.0.0.0" : "default") : (destination.split("/")[0] ?? "");
	const gateway = via ?? (isNumeric ? "0.0.0.0" : "*");
	const flags = via === undefined ? "U" : "UG";
	return `${network.padEnd(15)} ${gateway.padEnd(15)} ${maskOf(isDefault ? "0.0.0.0/0" : destination).padEnd(15)} ${flags.padEnd(6)}0      0        0 ${device}\n`;
}

export const arp: Program = async ({ stdout, machine }) => {
	const lines = machine.network.view.neighbours().map(({ address, device, mac }) => `? (${address}) at ${mac} [ether]  on ${device}\n`);
	await writeText(stdout, lines.join(""));
	return 0;
};
