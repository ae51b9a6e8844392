// The last step of a sign-up: the mail's token, and the password that was chosen at first. Whoever only has the mailbox does
// not finish what a stranger began there.

import { call } from "./api.js";
import { clearForms, fillUsername, followLink, onSubmitOfLink } from "./mailed-link.js";
import { element, show } from "./page.js";

const form = element("password-form");
let token = null;

const confirm = async () => {
  await call("POST", "/v1/sign-ups/confirmation", { token, password: form.elements.password.value });
  show("done");
};

onSubmitOfLink(form, () => token, confirm, "That is not the password of the sign-up.");
followLink((given, link) => {
  token = given;
  clearForms();
  fillUsername(link);
  show("choose");
});
