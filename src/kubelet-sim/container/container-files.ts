/** The files that a runtime and the kubelet put into a container besides its image: /dev, /proc, /etc/hosts, volumes. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Container, EphemeralContainer, Pod } from "../../apimachinery/schema/generated/types.ts";
import {
	type DirectoryInode,
	deviceTree,
	FileSystem,
	FsError,
	type Inode,
	type Machine,
	type Mount,
	mountSystemFiles,
	type OutputStream,
	putFile,
	resolvePath,
	Tree,
} from "../../host/index.ts";
import { clusterDomain } from "../network/cluster-network.ts";
import { expand } from "../volumes/environment.ts";
import { joinNodeMounts, rootPathOf } from "../volumes/mount-propagation.ts";
import type { PodVolumes } from "../volumes/pod-volumes.ts";

export interface ContainerFilesOptions {
	readonly clock: Clock;
	readonly pod: Pod;
	readonly container: Container | EphemeralContainer;
	readonly image: DirectoryInode;
	readonly volumes: PodVolumes;
	readonly hostname: string;
	readonly podIp: string;
	readonly clusterDns: string;
	readonly env: () => ReadonlyMap<string, string>;
	readonly machine: () => Machine;
	readonly onWrite: () => void;
	/** What the main process writes to: its log. */
	readonly output: (stream: "stdout" | "stderr") => OutputStream | undefined;
}

export function openContainerFiles(options: ContainerFilesOptions): FileSystem {
	const { clock, container, image, pod, onWrite } = options;
	const readOnlyRoot = container.securityContext?.readOnlyRootFilesystem === true;
	const files = new FileSystem(new Tree({ clock, lower: image, onWrite }), readOnlyRoot);
	const mount = (path: string, tree: Tree, source: string, type: string, more: Partial<Mount> = {}) =>
		files.mount({ path, tree, source, type, readOnly: false, ...more });
	mount("/dev", new Tree({ clock, lower: deviceTree() }), "tmpfs", "tmpfs");
	const machine = options.machine();
	mountSystemFiles(files, machine, {
		isWritable: container.securityContext?.privileged === true,
		// `echo text > /proc/1/fd/1` puts a line into the container's log.
		outputs: (process, descriptor) =>
			process.isMain && process.machine === machine
				? { write: (chunk) => options.output(descriptor === 1 ? "stdout" : "stderr")?.write(chunk) }
				: undefined,
	});
	const etc = new Tree({ clock });
	putFile(etc, "/hosts", hostsText(options));
	putFile(etc, "/resolv.conf", resolvText(pod, options.clusterDns));
	putFile(etc, "/hostname", `${options.hostname}\n`);
	putFile(etc, "/termination-log", "", 0o666);
	const generated = new FileSystem(etc);
	for (const [path, name] of [
		["/etc/hosts", "/hosts"],
		["/etc/resolv.conf", "/resolv.conf"],
		["/etc/hostname", "/hostname"],
		[container.terminationMessagePath ?? "/dev/termination-log", "/termination-log"],
	] as const) {
		mount(path, etc, "/dev/vda1", "ext4", { inode: generated.inode(name) });
	}
	const workingDir = container.workingDir;
	if (workingDir !== undefined && !files.exists(workingDir)) files.mkdir(workingDir, { recursive: true, force: true });
	for (const volumeMount of container.volumeMounts ?? []) mountVolume(files, options, volumeMount);
	return files;
}

function mountVolume(
	files: FileSystem,
	{ volumes, env, machine, pod }: ContainerFilesOptions,
	{ name, mountPath, subPath, subPathExpr, readOnly, mountPropagation }: NonNullable<Container["volumeMounts"]>[number],
): void {
	const hostPath = pod.spec?.volumes?.find((each) => each.name === name)?.hostPath?.path;
	const node = hostPath === undefined ? undefined : machine().kernel.nodeFiles?.();
	const volume = volumes.open(name);
	const below = subPathExpr === undefined ? subPath : expand(subPathExpr, (variable) => env().get(variable));
	const inode = below === undefined || below === "" ? volume.inode : subInode(volume.tree, volume.inode, below);
	files.mount({
		path: resolvePath("/", mountPath),
		tree: volume.tree,
		readOnly: readOnly === true || volume.readOnly === true,
		source: "/dev/vda1",
		type: "ext4",
		...(inode === undefined ? {} : { inode }),
		...(node === undefined || hostPath === undefined || hostPath === "" ? {} : { rootPath: rootPathOf(node, hostPath) }),
	});
	const isWhole = below === undefined || below === "";
	if (node !== undefined && hostPath !== undefined && isWhole)
		joinNodeMounts(files, resolvePath("/", mountPath), node, hostPath, mountPropagation);
}

/** The inode of a subPath, made as a directory if it is not there. */
function subInode(tree: Tree, root: Inode | undefined, path: string): Inode {
	const files = new FileSystem(tree);
	const base = root === undefined ? "/" : "/.subpath-root";
	if (root !== undefined) files.mount({ path: base, tree, inode: root, readOnly: false, source: "none", type: "bind" });
	const full = `${base}/${path}`;
	try {
		return files.inode(full);
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		files.mkdir(full, { recursive: true });
		return files.inode(full);
	}
}

function hostsText({ pod, podIp, hostname }: ContainerFilesOptions): string {
	const lines = [
		"# Kubernetes-managed hosts file.",
		"127.0.0.1\tlocalhost",
		"::1\tlocalhost ip6-localhost ip6-loopback",
		"fe00::0\tip6-localnet",
		"fe00::0\tip6-mcastprefix",
		"fe00::1\tip6-allnodes",
		"fe00::2\tip6-allrouters",
	];
	const { subdomain, hostAliases = [] } = pod.spec ?? {};
	const full = subdomain === undefined ? "" : `${hostname}.${subdomain}.${pod.metadata?.namespace}.svc.${clusterDomain}\t`;
	lines.push(`${podIp}\t${full}${hostname}`);
	if (hostAliases.length > 0)
		lines.push("", "# Entries added by HostAliases.", ...hostAliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join("\t")}`));
	return `${lines.join("\n")}\n`;
}

/** https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy */
function resolvText({ metadata, spec }: Pod, clusterDns: string): string {
	const usesCluster = spec?.dnsPolicy === undefined || spec.dnsPolicy === "ClusterFirst" || spec.dnsPolicy === "ClusterFirstWithHostNet";
	const namespace = metadata?.namespace ?? "default";
	const searches = usesCluster ? [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain] : [];
	const nameservers = usesCluster ? [clusterDns] : spec?.dnsPolicy === "None" ? [] : ["172.18.0.1"];
	const custom = spec?.dnsConfig;
	const allSearches = [...searches, ...(custom?.searches ?? [])];
	const options = [
		...(usesCluster ? ["ndots:5"] : []),
		...(custom?.options ?? []).map(({ name, value }) => (value === undefined ? (name ?? "") : `${name}:${value}`)),
	];
	return [
		...(allSearches.length === 0 ? [] : [`search ${allSearches.join(" ")}`]),
		...[...nameservers, ...(custom?.nameservers ?? [])].map((address) => `nameserver ${address}`),
		...(options.length === 0 ? [] : [`options ${options.join(" ")}`]),
		"",
	].join("\n");
}
