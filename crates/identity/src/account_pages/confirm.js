// The last step of a sign-up: the mail's token, and a password of one's choice.

import { call } from "./api.js";
import { element, onSubmit, show, takeToken } from "./page.js";
import { showStrength } from "./strength.js";

const token = takeToken();
const form = element("password-form");

showStrength(form.elements.password);
onSubmit(form, async () => {
  await call("POST", "/v1/sign-ups/confirmation", { token, password: form.elements.password.value });
  show("done");
});
show(token ? "choose" : "no-token");
