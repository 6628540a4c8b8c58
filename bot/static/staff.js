// Says when an open staff page no longer hears from the server: an old "Nobody is waiting" must not look fresh.
const offline = document.getElementById("offline");

function lost() {
  offline.hidden = false;
}

document.addEventListener("htmx:sendError", lost);
document.addEventListener("htmx:timeout", lost);
document.addEventListener("htmx:responseError", lost);
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.xhr.status < 400) offline.hidden = true;
});
