import { attachmentLives } from "./lives/attachments.ts";
import { bindingLives } from "./lives/binding.ts";
import { claimLives } from "./lives/claims.ts";
import { diskLives } from "./lives/disks.ts";
import { testLives } from "./properties.ts";

testLives({ ...claimLives, ...bindingLives, ...diskLives, ...attachmentLives });
