/** kubesim/images: what it takes to write an image in TypeScript, for the option `images` of `createCluster` (docs/images.md). */
export {
	type Connection,
	type ConnectionHandler,
	commandNames,
	FileSystem,
	FsError,
	type HttpRequest,
	type HttpResponse,
	httpRequest,
	httpServer,
	type InputStream,
	type Listener,
	type Machine,
	NetworkError,
	type OutputStream,
	type Process,
	type ProcessContext,
	type Program,
	type SignalName,
	TreeBuilder,
	writeText,
} from "./host/index.ts";
export { alpine, busyboxFiles as busybox, debian, imageBuiltMs } from "./kubelet-sim/images/base.ts";
export { type Image, type ImageConfig, once } from "./kubelet-sim/images/image.ts";
