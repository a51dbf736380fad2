"""What a label asks of the detail, and which answers cannot both be true.

The INTERPOL Baseline holds real children who are or appear under 13, in a sexual act or with the focus on the
genital or anal region. An answer that is open never contradicts: the label itself says that the criteria are met.
The band 11–13 reaches below 13, so it fits. No severity contradicts either: A and B are sexual acts, and such a focus
is part of C.
Article 117 of the Albanian Criminal Code asks nothing that this record could contradict.
"""

from dataclasses import dataclass

from triage.errors import NotAllowedError
from triage.rules.assessing import ILLEGAL_LABELS, Label
from triage.rules.classification import (
    AgeBand,
    Commerciality,
    Detail,
    Maturity,
    Origin,
    Payment,
)

_FREE_BANDS, _FREE_MATURITIES, _FREE_ORIGINS = frozenset(AgeBand), frozenset(Maturity), frozenset(Origin)


@dataclass(frozen=True, slots=True)
class Criteria:
    """Answers that fit a label."""

    origins: frozenset[Origin] = _FREE_ORIGINS
    bands: frozenset[AgeBand] = _FREE_BANDS
    maturities: frozenset[Maturity] = _FREE_MATURITIES


CRITERIA: dict[Label, Criteria] = {
    Label.BASELINE: Criteria(
        origins=frozenset({Origin.REAL, Origin.UNDETERMINED}),
        bands=frozenset({AgeBand.FROM_0, AgeBand.FROM_3, AgeBand.FROM_7, AgeBand.FROM_11, AgeBand.UNKNOWN}),
        maturities=frozenset({Maturity.INFANT, Maturity.PREPUBESCENT, Maturity.UNKNOWN}),
    ),
    Label.NATIONAL: Criteria(),
}
"""Label → what fits it; a label that is not here takes no detail."""

FITTING_BANDS: dict[Maturity, frozenset[AgeBand]] = {
    Maturity.INFANT: frozenset({AgeBand.FROM_0, AgeBand.UNKNOWN}),
    Maturity.PREPUBESCENT: _FREE_BANDS - {AgeBand.FROM_14, AgeBand.FROM_16},
    Maturity.PUBESCENT: _FREE_BANDS - {AgeBand.FROM_0, AgeBand.FROM_3},
    Maturity.UNKNOWN: _FREE_BANDS,
}
"""Stage of development → years that fit it."""


def check_detail(label: Label, detail: Detail) -> None:
    """Refuse a detail that contradicts its label or itself.

    Raises:
        NotAllowedError: one sentence says what does not fit.
    """
    if label not in ILLEGAL_LABELS:
        raise NotAllowedError("The detail panel goes with an illegal label.")
    criteria = CRITERIA[label]
    if detail.origin not in criteria.origins:
        raise NotAllowedError("Baseline needs real children: change the origin, or the label.")
    if detail.age_band_youngest not in criteria.bands or detail.maturity not in criteria.maturities:
        raise NotAllowedError("Baseline needs a child who appears under 13: change the age, or the label.")
    if detail.age_band_youngest not in FITTING_BANDS[detail.maturity]:
        raise NotAllowedError("Age and development do not fit each other.")
    if Payment.NONE in detail.payment and len(detail.payment) > 1:
        raise NotAllowedError("Either nothing is paid, or it is paid somehow.")
    is_paid = any(one is not Payment.NONE for one in detail.payment)
    if detail.commerciality is Commerciality.NON_COMMERCIAL and is_paid:
        raise NotAllowedError("What is not commercial is not paid for.")
