/**
 * The wide columns that every kind with a pod template ends with: CONTAINERS, IMAGES and mostly SELECTOR.
 */
import type { Container, LabelSelector } from "../../../apimachinery/schema/generated/types.ts";
import type { Column } from "../kind.ts";
import { formatLabelSelector, stringColumn, wide } from "./columns.ts";

type Containers = readonly Pick<Container, "name" | "image">[] | undefined;

/** `app,sidecar`. */
export const containerNames = (containers: Containers): string => (containers ?? []).map((container) => container.name).join(",");

/** `nginx:1.27,busybox`. */
export const containerImages = (containers: Containers): string => (containers ?? []).map((container) => container.image ?? "").join(",");

/** CONTAINERS and IMAGES, wide only. */
export function containerColumns<T>(containers: (object: T) => Containers): readonly Column<T>[] {
	return [
		wide(stringColumn<T>("Containers", "Names of each container in the template.", (object) => containerNames(containers(object)))),
		wide(
			stringColumn<T>("Images", "Images referenced by each container in the template.", (object) => containerImages(containers(object))),
		),
	];
}

/** SELECTOR, wide only. */
export function selectorColumn<T>(description: string, selector: (object: T) => LabelSelector | undefined): Column<T> {
	return wide(stringColumn<T>("Selector", description, (object) => formatLabelSelector(selector(object))));
}
