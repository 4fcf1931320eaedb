/**
 * host/: a simulated Linux machine, or what a container sees of one.
 *
 *  - `Machine`: host name, files, processes, network; programs are async functions (machine.ts, process.ts).
 *  - vfs/: inodes, frozen image trees with changes on top, mounts.
 *  - net/: connections, listeners, HTTP on them; who joins machines is the caller's business.
 *  - shell/: a streaming shell on just-bash's grammar, and the terminal for sessions.
 *  - commands/: what can be typed; grep, sed, awk and the like are just-bash's.
 *
 * Invariants: all time is the cluster's; nothing reaches the real file system or network; an unvisited machine has no
 * files in memory.
 */
export { aptPrograms } from "./administration/apt.ts";
export { dpkg } from "./administration/dpkg.ts";
export { KernelModules } from "./administration/modules.ts";
export { type Package, Packages } from "./administration/packages.ts";
export { installSelinux, Selinux } from "./administration/selinux.ts";
export { Swap } from "./administration/swap.ts";

export { allCapabilities, capabilityNames, defaultCapabilities, maskOf } from "./capabilities.ts";
export type { Cgroup, GroupUsage, Hierarchy, ProvidedGroup } from "./cgroup/cgroup.ts";
export { Cgroups } from "./cgroup/cgroups.ts";
export { chooseVictim, reportOom } from "./cgroup/oom.ts";
export { commandNames, findCommand } from "./commands/index.ts";
export { type ParsedOptions, parseOptions } from "./commands/options.ts";
export { noThrottling, type Throttling } from "./cpu.ts";
export { type Credentials, root } from "./credentials.ts";
export { deviceTree } from "./devices.ts";
export { defaultPath, ExecError } from "./executables.ts";
export { type DiskUsage, type Hardware, Kernel, PidNamespace } from "./kernel.ts";
export type { KernelLogLine } from "./kernel-log.ts";
export { contextWith, Machine, type ProcessContext, type Program, type SpawnOptions } from "./machine.ts";
export type { NamespaceKeys } from "./namespaces.ts";

export {
	type ClusterZoneOptions,
	type ClusterZoneServer,
	type DnsQuestion,
	type DnsRecord,
	type DnsResponse,
	emptyResponse,
	isLegalName,
	type NameServer,
	type RecordType,
	reverseAddress,
	reverseName,
	withoutFinalDot,
} from "./net/dns.ts";
export { checkGrpcHealth, grpcHealthServer } from "./net/grpc-health.ts";
export {
	type ClientResponse,
	HttpError,
	type HttpHandler,
	type HttpRequest,
	type HttpResponse,
	httpRequest,
	httpServer,
} from "./net/http.ts";
export {
	type Connection,
	type ConnectionHandler,
	isIpv4,
	isLoopback,
	isPort,
	type Listener,
	LoopbackNetwork,
	NetworkError,
	type NetworkStack,
	type PingAnswer,
} from "./net/network.ts";
export { parseResolvConf, type ResolverConfiguration } from "./net/resolver.ts";
export { type TlsConnection, tlsServer } from "./net/tls.ts";
export {
	type FirewallChain,
	type FirewallRule,
	type FirewallTable,
	loopbackDevice,
	type Neighbour,
	type NetworkDevice,
	type NetworkView,
	type Route,
	type RulePart,
	type SocketEntry,
} from "./net/view.ts";
export { mountSystemFiles } from "./proc/system-mounts.ts";
export { type MachineFacts, Process, type ProcessExit, type ProcessTraits } from "./process.ts";
export { loadGrammar } from "./shell/syntax.ts";
export { Tty } from "./shell/tty.ts";
export { parseSignal, type SignalName, signalNumbers } from "./signals.ts";
export {
	BrokenPipeError,
	Collector,
	emptyInput,
	type InputStream,
	inputFrom,
	inputOf,
	type OutputStream,
	Pipe,
	writeText,
} from "./stream.ts";
export { kernelVersion } from "./system-facts.ts";
export { Journal, type JournalEntry } from "./systemd/journal.ts";
export { formatJournalLine } from "./systemd/journal-format.ts";
export { type PowerAction, type Slices, SystemManager } from "./systemd/manager.ts";
export { systemPrograms } from "./systemd/system-programs.ts";

export { leading } from "./vfs/automount.ts";
export { SharedDisk } from "./vfs/disk.ts";
export { FileSystem } from "./vfs/file-system.ts";
export { type DirectoryInode, type FileInode, FsError, type FsErrorCode, type Inode } from "./vfs/inode.ts";
export type { Mount } from "./vfs/mount-table.ts";

export { resolvePath } from "./vfs/path.ts";
export { putFile, putInode, Tree } from "./vfs/tree.ts";
export { TreeBuilder } from "./vfs/tree-builder.ts";
