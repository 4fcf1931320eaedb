/** The images that kubesim brings. */
import { guestbookFrontendImage } from "./guestbook.ts";
import { hpaExampleImage } from "./hpa-example.ts";
import { httpdImage } from "./httpd.ts";
import type { Image } from "./image.ts";
import { nginxImage } from "./nginx.ts";
import { perlImage } from "./perl.ts";
import { alpineImage, busyboxImage, curlImage, debianImage, pauseImage } from "./plain.ts";
import { redisFollowerImage, redisImage } from "./redis.ts";
import { stressImage, vishStressImage } from "./stress.ts";

export const builtInImages: readonly Image[] = [
	nginxImage,
	busyboxImage,
	alpineImage,
	debianImage,
	curlImage,
	redisImage,
	redisFollowerImage,
	httpdImage,
	pauseImage,
	guestbookFrontendImage,
	hpaExampleImage,
	stressImage,
	vishStressImage,
	perlImage,
];
