"""Billing many sites as a job in the background: choose, review, issue, and watch it.

Each site is a run of its own; one that cannot be billed stops no other. The page can be left at
any time and works without JavaScript: then it loads itself again.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Count, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from quartier.apps.access.scope import Scope
from quartier.apps.billing.batch import LEASE, Job, tally
from quartier.apps.billing.models import Batch, BatchSite
from quartier.apps.documents.tasks import go_on, start_batch
from quartier.apps.parties.models import User
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import BadPeriod, Dates, timezone_of
from quartier.portals.operator.billing import PeriodForm
from quartier.portals.operator.sites import counted, listed
from quartier.portals.shared.gate import frame_of
from quartier.portals.shared.lists import csv_response, paged
from quartier.portals.shared.sentences.reader import read, read_finding
from quartier.portals.shared.span import span_of
from quartier.portals.shared.words import word_of

_PATIENCE = timedelta(seconds=10)
"""After so long the page says that no worker has taken the job."""
_MOST_BOXES = 400
"""More sites are chosen all together, not one by one: a form has a limit of fields
(``DATA_UPLOAD_MAX_NUMBER_FIELDS``), and a site has two."""
_STOP_POLLING = 286  # htmx: swap what came and ask no more
_State = BatchSite.State
_ORDER = (_State.WORKING, _State.REFUSED, _State.FAILED, _State.READY, _State.ISSUED)
_REST = (_State.LEFT, _State.NOTHING, _State.WAITING)
_STOPPED = (_State.REFUSED, _State.FAILED)


def _operator(request: HttpRequest) -> Scope:
    scope = Scope.of(request.user)
    if not scope.is_operator:
        raise PermissionDenied
    return scope


def _last_quarter(today: date) -> dict[str, date]:
    """First and last day of the last whole quarter."""
    tz = timezone_of("UTC")
    span = span_of("quarter", span_of("quarter", today, tz).moved(-1), tz)
    return {"first": span.from_date, "last": span.to_date - timedelta(days=1)}


@login_required
def bill_all(request: HttpRequest) -> HttpResponseBase:
    """Choose the period and the sites; starting leads to the job."""
    scope = _operator(request)
    asked = request.POST if request.method == "POST" else request.GET
    again = _again(scope, asked.get("batch", ""))
    initial: dict[str, date] = _last_quarter(timezone.now().date())
    if again is not None:
        initial = {"first": again.from_date, "last": again.to_date - timedelta(days=1)}
    form = PeriodForm(request.POST if request.method == "POST" else None, initial=initial)
    sites = _chosen(scope, asked, again)
    if request.method == "POST" and form.is_valid():
        kind = Batch.Kind.ISSUE if asked.get("kind") == "issue" else Batch.Kind.REVIEW
        chosen = list(sites)
        if not chosen:
            form.add_error(None, _("Choose at least one site."))
        else:
            try:
                dates = form.dates()
            except BadPeriod as error:
                form.add_error(None, read(error))
            else:
                return _begin(request, chosen, dates, kind)
    # A form that comes back shows the sites it had, whatever was ticked.
    offered = list(counted(_offered(scope, asked, again)).order_by("name", "ref"))
    ticked = {one.pk for one in sites}
    context = {
        **frame_of(scope),
        "section": "sites",
        "form": form,
        "offered": offered,
        "ticked": ticked,
        "has_boxes": len(offered) <= _MOST_BOXES,
        "asked": asked,
        "again": again,
        "wants_issue": asked.get("kind") == "issue",
        "recent": _recent(scope),
    }
    return render(request, "operator/bill_all.html", context)


def _again(scope: Scope, pk: str) -> Batch | None:
    """The job whose sites are taken up again; 404 where there is none of that number, as without
    a job all sites are offered."""
    if not pk:
        return None
    if not pk.isdecimal() or len(pk) > 18:
        raise Http404("no job")
    return get_object_or_404(scope.queryset(Batch), pk=int(pk))


def _offered(scope: Scope, asked: Any, again: Batch | None) -> "QuerySet[Site]":
    """The sites to choose from: those of a job, those of the list that match, or those named."""
    if again is not None:
        states = (_State.READY,) if again.kind == Batch.Kind.REVIEW else _STOPPED
        rows = BatchSite.objects.filter(batch=again, state__in=states)
        return scope.sites().filter(pk__in=rows.values("site"))
    if asked.get("all") or not (named := asked.getlist("offered") or asked.getlist("site")):
        return listed(scope, asked.get("q", "").strip(), asked.get("show", ""))
    return scope.sites().filter(ref__in=named[:_MOST_BOXES])


def _chosen(scope: Scope, asked: Any, again: Batch | None) -> "QuerySet[Site]":
    """The sites ticked; before a form was sent, all that are offered."""
    offered = _offered(scope, asked, again)
    if "kind" in asked and "first" in asked and not asked.get("every"):
        return offered.filter(ref__in=asked.getlist("site"))
    return offered


def _begin(request: HttpRequest, sites: Iterable[Site], dates: Dates, kind: str) -> HttpResponse:
    assert isinstance(request.user, User)
    job = Job(
        request.user.organisation, tuple(sites), dates, kind, actor=request.user.get_username()
    )
    batch, is_new = start_batch(job, now=timezone.now())
    if not is_new:
        messages.success(request, _("The same job is under way already: this is it."))
    return redirect("batch", batch.pk)


def _recent(scope: Scope) -> list[Batch]:
    rows = scope.queryset(Batch).annotate(sites=Count("rows"))
    return list(rows.order_by("-created_at", "-pk")[:5])


@login_required
def batch(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A job: how far it is, and what came of each site."""
    scope = _operator(request)
    job = get_object_or_404(scope.queryset(Batch), pk=pk)
    rows = _rows(job)
    counts = dict(rows.order_by().values_list("state").annotate(Count("pk")))
    state = request.GET.get("state", "")
    if state in counts:
        rows = rows.filter(state=state)
    if request.GET.get("format") == "csv":
        return _csv(job, rows)
    total = sum(counts.values())
    done = total - counts.get(_State.WAITING, 0) - counts.get(_State.WORKING, 0)
    context = {
        "section": "sites",
        "batch": job,
        "is_review": job.kind == Batch.Kind.REVIEW,
        "page": paged(request, rows),
        "states": [(key, counts[key]) for key in (*_ORDER, *_REST) if key in counts],
        "state": state,
        "total": total,
        "done": done,
        "stopped": sum(counts.get(one, 0) for one in _STOPPED),
        "ready": counts.get(_State.READY, 0),
        "left": counts.get(_State.LEFT, 0),
        "tally": tally(job),
        **_patience(job, timezone.now()),
    }
    if request.headers.get("HX-Request"):
        status = _STOP_POLLING if job.finished_at else 200
        return render(request, "operator/batch_state.html", context, status=status)
    return render(request, "operator/batch.html", {**frame_of(scope), **context})


@login_required
@require_POST
def batch_continue(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Take up a job again whose worker has gone."""
    scope = _operator(request)
    job = get_object_or_404(scope.queryset(Batch), pk=pk)
    if job.finished_at is None and _patience(job, timezone.now())["is_stale"]:
        go_on(job)
        messages.success(request, _("The job is queued again; what is issued is left alone."))
    return redirect("batch", pk)


def _rows(job: Batch) -> "QuerySet[BatchSite]":
    """The sites of a job: under way first, then what is stopped, then what is done."""
    place = Case(
        *(When(state=state, then=Value(n)) for n, state in enumerate(_ORDER)),
        default=Value(len(_ORDER)),
    )
    waits = Case(When(state=_State.WAITING, then=Value(1)), default=Value(0))
    rows = BatchSite.objects.filter(batch=job).select_related("site")
    return rows.order_by(waits, place, "site__name", "site__ref")


def _patience(job: Batch, now: datetime) -> dict[str, Any]:
    """Whether nobody has taken the job, or who had it has gone, and since when."""
    is_open = job.finished_at is None
    since = job.beat_at or job.created_at
    waited = now - since
    return {
        "is_unclaimed": is_open and job.beat_at is None and waited > _PATIENCE,
        "is_stale": is_open and job.beat_at is not None and waited > LEASE,
        "waited_s": int(waited.total_seconds()),
        "since": since,
    }


def _csv(job: Batch, rows: "QuerySet[BatchSite]") -> HttpResponse:
    head = [
        _("Reference"),
        _("Site"),
        _("State"),
        _("Documents"),
        _("Issued before"),
        _("Total"),
        _("Currency"),
        _("Findings"),
    ]
    lines = (
        (
            row.site.ref,
            row.site.name,
            word_of(row.state),
            row.documents,
            row.left_alone,
            row.total,
            row.site.currency,
            " | ".join(
                read_finding(one["where"], one["message"], one["remedy"]) for one in row.findings
            ),
        )
        for row in rows
    )
    return csv_response(f"billing-{job.from_date}-{job.pk}", head, lines)
