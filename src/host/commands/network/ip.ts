/**
 * `ip`, of iproute2 and of busybox: what there is of addresses, links, routes, neighbours and namespaces. Nothing can be changed: the
 * simulated network is the CNI plugin's alone.
 * Source: ip(8).
 */
import { formatIpv4, isInIpv4Range, parseIpv4, parseIpv4Cidr } from "../../../apimachinery/ipv4.ts";
import { ExecError } from "../../executables.ts";
import type { ProcessContext, Program } from "../../machine.ts";
import type { NetworkDevice, NetworkView, Route } from "../../net/view.ts";
import { writeText } from "../../stream.ts";

interface Style {
	readonly isBusybox: boolean;
}

const objects = ["address", "link", "route", "neighbour", "netns"] as const;
type IpObject = (typeof objects)[number];

const usage = `Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }
where  OBJECT := { address | link | neighbour | netns | route }
       OPTIONS := { -br[ief] | -o[neline] | -4 }
`;

function ipProgram(style: Style): Program {
	return async (context) => {
		const { stderr, machine, argv } = context;
		const args = argv.slice(1);
		const options = args.filter(
			(argument, index) => argument.startsWith("-") && args.slice(0, index).every((each) => each.startsWith("-")),
		);
		const [name = "", ...rest] = args.slice(options.length);
		const object = objectOf(name);
		if (object === undefined) {
			await writeText(stderr, name === "" || name === "help" ? usage : `Object "${name}" is unknown, try "ip help".\n`);
			return name === "" ? 255 : 1;
		}
		const [command = "show", ...more] = rest;
		if (isShow(command) || rest.length === 0)
			return print(
				context,
				show(object, machine.network.view, more, { ...style, isBrief: options.some((option) => option.startsWith("-br")) }),
			);
		if (object === "netns" && command === "exec") return execIn(context, more);
		if (object === "route" && command === "get") return print(context, routeTo(machine.network.view, more[0] ?? ""));
		if ((object === "address" || object === "link") && findDevice(machine.network.view, command) !== undefined) {
			return print(context, show(object, machine.network.view, rest, { ...style, isBrief: false }));
		}
		await writeText(
			stderr,
			`ip: ${object} ${command} is not simulated: the network is laid by the node's CNI plugin, and can be looked at\n`,
		);
		return 2;
	};

	async function print({ stdout, stderr }: ProcessContext, result: string | { readonly error: string }): Promise<number> {
		if (typeof result === "string") {
			await writeText(stdout, result);
			return 0;
		}
		await writeText(stderr, `${result.error}\n`);
		return style.isBusybox ? 1 : 2;
	}
}

/** Any beginning of a name will do. */
function objectOf(text: string): IpObject | undefined {
	if (text === "") return undefined;
	if (text === "n" || text === "neighbor") return "neighbour";
	return objects.find((object) => object.startsWith(text) && text !== "ne");
}

function isShow(command: string): boolean {
	return ["show", "list", "lst"].some((name) => name.startsWith(command)) && command !== "";
}

interface ShowStyle extends Style {
	readonly isBrief: boolean;
}

function show(object: IpObject, view: NetworkView, words: readonly string[], style: ShowStyle): string | { readonly error: string } {
	switch (object) {
		case "address":
		case "link": {
			const devices = selectDevices(view, words);
			if (devices === undefined) return { error: `Device "${words.at(-1)}" does not exist.` };
			return devices.map((device) => deviceText(device, object === "address", style)).join("");
		}
		case "route":
			return view.routes().map(routeLine).join("");
		case "neighbour":
			return view
				.neighbours()
				.map(({ address, device, mac }) => `${address} dev ${device} lladdr ${mac} REACHABLE${style.isBusybox ? "" : " "}\n`)
				.join("");
		case "netns":
			return view
				.namespaces()
				.map((name, index) => `${name} (id: ${index})\n`)
				.join("");
		default: {
			const none: never = object;
			return none;
		}
	}
}

function findDevice(view: NetworkView, name: string): NetworkDevice | undefined {
	return view.devices().find((device) => device.name === name);
}

/** `dev NAME`, `NAME`, `master BRIDGE`, `type veth`; undefined: there is no such device. */
function selectDevices(view: NetworkView, words: readonly string[]): readonly NetworkDevice[] | undefined {
	const after = (keyword: string) => (words.includes(keyword) ? words[words.indexOf(keyword) + 1] : undefined);
	const [master, type] = [after("master"), after("type")];
	if (master !== undefined || type !== undefined) {
		return view
			.devices()
			.filter((device) => (master === undefined || device.master === master) && (type === undefined || device.type === type));
	}
	const name = after("dev") ?? words.find((word) => word !== "up");
	if (name === undefined) return view.devices();
	const found = findDevice(view, name);
	return found === undefined ? undefined : [found];
}

function deviceText(device: NetworkDevice, withAddresses: boolean, { isBusybox, isBrief }: ShowStyle): string {
	const { index, name, type, peerIndex, mac, mtuBytes, addresses, master, peerNamespace } = device;
	const full = peerIndex === undefined ? name : `${name}@if${peerIndex}`;
	const isLoopback = type === "loopback";
	const flags = isLoopback ? "LOOPBACK,UP,LOWER_UP" : "BROADCAST,MULTICAST,UP,LOWER_UP";
	const state = isLoopback ? "UNKNOWN" : "UP";
	if (isBrief) {
		const shown = withAddresses ? addresses.map((address) => `${address} `).join("") : `${mac} <${flags}> `;
		return `${full.padEnd(16)} ${state.padEnd(14)} ${shown}\n`;
	}
	const queue = type === "ether" ? "mq" : "noqueue";
	const busyFlags = peerIndex === undefined ? flags : `${flags},M-DOWN`;
	const bridge = master === undefined ? "" : ` master ${master}`;
	const length = isLoopback || type === "ether" || type === "bridge" ? " qlen 1000" : "";
	const mode = withAddresses ? "" : " mode DEFAULT";
	const head = isBusybox
		? `${index}: ${full}: <${busyFlags}> mtu ${mtuBytes} qdisc ${queue}${bridge} ${length.trim()}`
		: `${index}: ${full}: <${flags}> mtu ${mtuBytes} qdisc ${queue}${bridge} state ${state}${mode} group default${length}`;
	const broadcast = isLoopback ? "00:00:00:00:00:00" : "ff:ff:ff:ff:ff:ff";
	const netns =
		peerIndex === undefined || isBusybox ? "" : peerNamespace === undefined ? " link-netnsid 0" : ` link-netns ${peerNamespace}`;
	const lines = [`${head}\n`, `    link/${isLoopback ? "loopback" : "ether"} ${mac} brd ${broadcast}${netns}\n`];
	if (withAddresses) {
		for (const address of addresses) {
			const scope = isLoopback ? "scope host lo" : `brd ${broadcastOf(address)} scope global ${name}`;
			lines.push(`    inet ${address} ${scope}\n       valid_lft forever preferred_lft forever\n`);
		}
	}
	return lines.join("");
}

function broadcastOf(address: string): string {
	return formatIpv4(parseIpv4Cidr(address)?.last ?? 0);
}

function routeLine({ destination, via, device, source }: Route): string {
	const gateway = via === undefined ? "" : ` via ${via}`;
	return `${destination}${gateway} dev ${device} ${source === undefined ? "" : `proto kernel scope link src ${source} `}\n`;
}

function routeTo(view: NetworkView, address: string): string | { readonly error: string } {
	const value = parseIpv4(address);
	if (value === undefined) return { error: `Error: any valid prefix is expected rather than "${address}".` };
	const matches = ({ destination }: Route) => {
		const range = destination === "default" ? undefined : parseIpv4Cidr(destination);
		return range !== undefined && isInIpv4Range(range, value);
	};
	const routes = view.routes();
	const found = routes.find(matches) ?? routes.find(({ destination }) => destination === "default");
	if (found === undefined) return { error: "RTNETLINK answers: Network is unreachable" };
	const source = found.source ?? sourceOf(view, found.device);
	return `${address}${found.via === undefined ? "" : ` via ${found.via}`} dev ${found.device} src ${source} uid 0 \n    cache \n`;
}

function sourceOf(view: NetworkView, device: string): string {
	return (findDevice(view, device)?.addresses[0] ?? "").split("/")[0] ?? "";
}

export const ip = ipProgram({ isBusybox: false });
export const busyboxIp = ipProgram({ isBusybox: true });

/** `ip netns exec NAME COMMAND …`: the machine's own files, and that namespace's network. */
async function execIn(context: ProcessContext, [name = "", ...argv]: readonly string[]): Promise<number> {
	const { machine, stderr, process } = context;
	const network = machine.network.namespace(name);
	if (network === undefined || argv.length === 0) {
		const why = network === undefined ? `Cannot open network namespace "${name}": No such file or directory` : "No command specified";
		await writeText(stderr, `${why}\n`);
		return network === undefined ? 1 : 255;
	}
	const inside = machine.derive({ network, keys: { net: network } });
	try {
		const child = inside.spawn({ ...context, env: context.env, argv, parent: process });
		process.ended.addEventListener("abort", () => child.kill("KILL"), { once: true });
		return (await child.exited).exitCode;
	} catch (error) {
		if (!(error instanceof ExecError)) throw error;
		await writeText(stderr, `exec of "${argv[0]}" failed: No such file or directory\n`);
		return 255;
	} finally {
		inside.dissolve();
	}
}
