"""Countries' identity numbers: how each is written, checked and named."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.cl import rut
from stdnum.cn import ric
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.hr import oib
from stdnum.ie import pps
from stdnum.in_ import aadhaar, pan
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.pt import cc
from stdnum.ro import cnp
from stdnum.se import personnummer
from stdnum.tr import tckimlik
from stdnum.us import itin
from stdnum.za import idnr as za_idnr

from router_extproc.pii.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable

_ANY = (
    r"national id|national identity|identity card|identity number|id card|id number|identification number|personal number|tax id|"
)
"""Words of any country's number."""


class IdKind(NamedTuple):
    """One country's number."""

    shape: str
    """In RE2's syntax."""
    is_valid: Callable[[str], bool]
    words: Context
    distinct: bool = False
    """Whether the shape and the check digits are enough without a word."""


_UNGIVEN_NINO = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})


def _is_nino(number: str) -> bool:
    """The British number has no check digit, only prefixes that are never given."""
    return number[:2].upper() not in _UNGIVEN_NINO


def _words(own: str) -> Context:
    return Context(_ANY + own)


ID_KINDS = (
    IdKind(
        r"(?i)[A-CEGHJ-PRSTW-Z][A-CEGHJ-NPRSTW-Z](?:\d{6}| \d\d \d\d \d\d |\d\d \d\d \d\d ?| \d{6} ?|-\d\d-\d\d-\d\d-)[A-D]",
        _is_nino,
        _words(r"national insurance|nino|ni|hmrc|insurance number"),
        distinct=True,
    ),
    IdKind(r"\d{3}[ \-]?\d{3}[ \-]?\d{4}", nhs.is_valid, Context("nhs|national health service")),
    IdKind(
        r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
        idnr.is_valid,
        _words(
            r"steuer-?id|steuer-?idnr|steuernummer|idnr|steueridentifikationsnummer|steuerliche identifikationsnummer|"
            r"identifikationsnummer|tin"
        ),
    ),
    IdKind(
        r"[1-478] ?\d{2} ?\d{2} ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}",
        nir.is_valid,
        _words(r"nir|sécurité sociale|insee"),
        distinct=True,
    ),
    IdKind(r"\d{8}[ \-]?[A-HJ-NP-TV-Za-hj-np-tv-z]", dni.is_valid, _words(r"dni|nif|documento|identidad")),
    IdKind(r"[XYZxyz]-?\d{7}-?[A-Za-z]", nie.is_valid, _words(r"nie|extranjero|identidad|residencia"), distinct=True),
    IdKind(
        r"(?i)[A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPRST][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z]",
        codicefiscale.is_valid,
        _words(r"codice fiscale|cf"),
        distinct=True,
    ),
    IdKind(r"\d{11}", pesel.is_valid, _words(r"pesel|numer pesel")),
    IdKind(r"\d{3}\.\d{3}\.\d{3}-\d{2}", cpf.is_valid, _words("cpf"), distinct=True),
    IdKind(r"\d{9}-?\d{2}", cpf.is_valid, Context("cpf")),
    IdKind(r"\d{4}[ \-]?\d{4}[ \-]?\d{4}", aadhaar.is_valid, Context(r"aadhaar|aadhar|adhar|uidai|uid")),
    IdKind(r"[A-Za-z]{5}\d{4}[A-Za-z]", pan.is_valid, Context(r"pan|permanent account|income tax")),
    IdKind(
        r"\d{9}|\d{3}[ .]\d{3}[ .]\d{3}|\d{4}[ .]\d{2}[ .]\d{3}", bsn.is_valid, _words(r"bsn|burgerservicenummer|sofi|sofinummer")
    ),
    IdKind(r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", nn.is_valid, _words("rijksregister"), distinct=True),
    IdKind(
        r"\d{6}[ \-]?\d{3}[ .\-]?\d{2}", nn.is_valid, _words(r"rijksregisternummer|registre national|national register|insz|niss")
    ),
    IdKind(r"(?:19|20)?\d{6}[\-+]?\d{4}", personnummer.is_valid, _words(r"personnummer|personnr|swedish")),
    IdKind(r"\d{6}[\-+A-F]\d{3}[0-9A-FHJ-NPR-Y]", hetu.is_valid, _words(r"hetu|henkilötunnus"), distinct=True),
    IdKind(r"\d{6}-?\d{4}", cpr.is_valid, _words(r"cpr|cpr-nummer|cpr-nr|personnummer")),
    IdKind(r"\d{6} ?\d{5}", fodselsnummer.is_valid, _words(r"fødselsnummer|fodselsnummer|personnummer")),
    IdKind(r"\d{17}[\dXx]", ric.is_valid, _words(r"身份证|身份证号"), distinct=True),
    IdKind(r"\d{6}-\d{7}", rrn.is_valid, _words(r"주민등록번호|resident registration"), distinct=True),
    IdKind(r"[1-9]\d{10}", tckimlik.is_valid, _words(r"tckn|kimlik|tc")),
    IdKind(r"(?i)[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z\d]\d", curp.is_valid, _words("curp"), distinct=True),
    IdKind(r"\d{1,2}\.\d{3}\.\d{3}-[\dkK]", rut.is_valid, _words(r"rut|run"), distinct=True),
    IdKind(r"\d{7,8}-[\dkK]", rut.is_valid, Context(r"rut|run")),
    IdKind(r"\d{3}[ \-]?\d{3}[ \-]?\d{3}", sin.is_valid, Context(r"sin|social insurance|assurance sociale")),
    IdKind(r"\d{6}/\d{4}", rc.is_valid, _words(r"rodné číslo|rodné čislo|rč"), distinct=True),
    IdKind(r"\d{11}", oib.is_valid, _words("oib")),
    IdKind(r"\d{7}[A-Wa-w][A-IWa-iw]?", pps.is_valid, _words(r"pps|ppsn|personal public service")),
    IdKind(r"\d{8} ?\d ?[A-Z]{2}\d", cc.is_valid, _words(r"cartão de cidadão|cartão cidadão|cc"), distinct=True),
    IdKind(r"[1-8]\d{12}", cnp.is_valid, _words("cnp")),
    IdKind(r"\d{13}|\d{6} \d{4} \d{3}", za_idnr.is_valid, _words("south african")),
    IdKind(r"9\d{2}[ \-]\d{2}[ \-]\d{4}", itin.is_valid, Context(r"itin|taxpayer|individual taxpayer")),
)
"""What has no check digit and no rare shape is not here: it would be any number."""
