// The bar of an upload, and its way out where the connection breaks. Without it the form is sent as any other.
"use strict";

const showUpload = (form) => {
  const bar = form.querySelector("progress");
  const said = form.querySelector("[role=status]");
  const button = form.querySelector("button");
  const request = new XMLHttpRequest();
  const stopped = () => {
    bar.hidden = true;
    button.disabled = false;
    said.textContent = form.dataset.failed;
  };
  request.open("POST", form.action);
  request.upload.addEventListener("progress", (sent) => {
    if (!sent.lengthComputable) return;
    bar.max = sent.total;
    bar.value = sent.loaded;
  });
  request.upload.addEventListener("load", () => {
    bar.removeAttribute("value");
    said.textContent = form.dataset.reading;
  });
  request.addEventListener("error", stopped);
  request.addEventListener("load", () => {
    if (request.responseURL !== form.action) {
      location.assign(request.responseURL);
      return;
    }
    const answer = new DOMParser().parseFromString(request.responseText, "text/html").querySelector("main");
    if (!answer) {
      stopped();
      return;
    }
    document.querySelector("main").replaceWith(answer);
    const wrong = answer.querySelector("[aria-invalid], [role=alert]");
    if (wrong) wrong.focus();
  });
  const data = new FormData(form);
  bar.hidden = false;
  button.disabled = true;
  said.textContent = form.dataset.sending;
  request.send(data);
};

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-upload]")) return;
  event.preventDefault();
  showUpload(event.target);
});
