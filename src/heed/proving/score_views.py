"""The pages of scores by hand.

What computes and draws takes two seconds to load: each view imports its own.
"""

from typing import cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from heed.customers.access import account_for
from heed.people.models import User
from heed.people.permissions import Permission, allows, demand, may
from heed.people.reads import names_of
from heed.proving.views import PER_PAGE, _number, page


@require_safe
@may(Permission.SEE_CUSTOMERS)
def scores(request: HttpRequest) -> HttpResponse:
    """Every score by hand with what it is worth here."""
    from heed.proving import hand_score_pages as pages
    from heed.proving.exporting import asked_for

    found = pages.kept_scores()
    chart = pages.scores_chart(found)
    if answer := asked_for(request, "scores-by-hand", [chart] if chart else []):
        return answer
    told = {"found": found, "finding": pages.scores_finding(found), "chart": chart}
    return page(request, "scores", told | {"may_make": allows(request.user, Permission.MANAGE_METRICS)})


@require_http_methods(["GET", "HEAD", "POST"])
@may(Permission.MANAGE_METRICS)
def new_score(request: HttpRequest) -> HttpResponse:
    """Make a score: as others publish it, of one's own weights, or from a pasted record."""
    from heed.evidence.scoring import ScoreError
    from heed.measures.definitions import current_metrics
    from heed.proving.hand_score_forms import NewScoreForm
    from heed.proving.hand_scores import make_from_template, make_score

    user = cast(User, request.user)
    form = NewScoreForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            if said["template"]:
                made = make_from_template(said["name"], int(said["template"]), by=user.actor)
            else:
                made = make_score(said["name"], said["record"], by=user.actor)
        except ScoreError as refused:
            form.refuse(refused)
        else:
            messages.success(request, _("The score is kept. Its report card says what it is worth here."))
            return redirect("proving:hand_score", pk=made.pk)
    metrics = sorted((each.key, each.name) for each in current_metrics().values())
    return page(request, "new_score", {"form": form, "metrics": metrics})


@require_http_methods(["GET", "HEAD", "POST"])
@may(Permission.SEE_CUSTOMERS)
def hand_score(request: HttpRequest, pk: int) -> HttpResponse:
    """A score: what it is made of, what it is worth, who has the lowest; a form for another version."""
    from heed.evidence.scoring import ScoreError
    from heed.proving import hand_score_pages as pages
    from heed.proving import hand_scores
    from heed.proving.exporting import asked_for
    from heed.proving.hand_score_forms import ChangeForm, write_weights

    user = cast(User, request.user)
    score = hand_scores.hand_score_for(pk)
    version = hand_scores.current_version(score)
    started = {"weights": write_weights(version.record), "based_on": version.version}
    form = ChangeForm(request.POST or None, initial=started)
    if request.method == "POST":
        demand(user, Permission.MANAGE_METRICS)
        if form.is_valid():
            try:
                said = form.cleaned_data
                made = hand_scores.change_score(
                    score, said["record"], by=user.actor, based_on=said["based_on"]
                )
            except ScoreError as refused:
                form.refuse(refused)
            else:
                same = made.version == version.version
                kept = _("Version %(version)d is in force.") % {"version": made.version}
                messages.success(request, _("That is what it is made of already.") if same else kept)
                return redirect("proving:hand_score", pk=pk)
    worth = hand_scores.worth_of(version)
    chart = pages.band_chart(worth, score.name)
    if answer := asked_for(request, f"score-{score.key}", [chart] if chart else []):
        return answer
    standings = hand_scores.standings(version)
    versions = list(score.versions.order_by("-version")[:20])
    told = {
        "score": score, "version": version, "worth": worth, "chart": chart, "form": form,
        "finding": pages.finding(score.name, worth), "parts": pages.part_lines(version),
        "figures": pages.score_figures(worth.card) if worth.card else [],
        "beside": pages.beside(worth.card) if worth.card else [],
        "bands": pages.band_rows(worth.card) if worth.card else [],
        "rows": Paginator(standings, PER_PAGE).get_page(request.GET.get("page")),
        "known": pages.known_words(standings),
        "versions": versions,
        "actors": names_of(each.made_by for each in versions),
        "may_change": allows(user, Permission.MANAGE_METRICS),
    }  # fmt: skip
    return page(request, "hand_score", told)


@require_safe
@may(Permission.SEE_CUSTOMERS)
def hand_score_rows(request: HttpRequest, pk: int) -> HttpResponse:
    """The rows that a score was judged on: all, those of a band, or (`?known=1`) those with a score."""
    from heed.proving import hand_scores

    score = hand_scores.hand_score_for(pk)
    band, known = _number(request, "band"), bool(_number(request, "known"))
    rows = hand_scores.rows_behind(hand_scores.current_version(score), band, known_only=known)
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    some = known or band is not None
    return page(request, "hand_score_rows", {"score": score, "some": some, "rows": shown})


@require_http_methods(["GET", "HEAD", "POST"])
@may(Permission.SEE_CUSTOMERS)
def hand_score_account(request: HttpRequest, pk: int, key: str) -> HttpResponse:
    """What the score of an account is made of, down to the rows; a form to override it until a day."""
    from heed.evidence.scoring import ScoreError
    from heed.proving import hand_scores
    from heed.proving.hand_score_forms import OverrideForm

    user = cast(User, request.user)
    account = account_for(user, key)
    score = hand_scores.hand_score_for(pk)
    form = OverrideForm(request.POST or None)
    if request.method == "POST":
        demand(user, Permission.MANAGE_METRICS)
        if form.is_valid():
            try:
                hand_scores.override_score(score, account, **form.cleaned_data, user=user, by=user.actor)
            except ScoreError as refused:
                form.refuse(refused)
            else:
                messages.success(request, _("The score is overridden until that day."))
                return redirect("proving:hand_score_account", pk=pk, key=key)
    found = hand_scores.explained(hand_scores.current_version(score), account)
    told = {
        "score": score, "account": account, "found": found, "form": form,
        "overrides": score.overrides.filter(account=account).select_related("by").order_by("-pk"),
        "may_change": allows(user, Permission.MANAGE_METRICS),
    }  # fmt: skip
    return page(request, "hand_score_account", told)
