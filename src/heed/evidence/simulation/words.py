"""Invented names of companies and people, and what customers of the simulated company say.

Every sentence belongs to a cause, so that a reader of the words can find what the figures cannot say.
"""

from typing import Final

COMPANY_FIRST: Final = """
Alder Amberly Arden Ashgrove Barrowby Beckfield Bellwater Birchholt Blackmere Bracken Brightwell Brindle
Calderby Carrow Castlebeck Cinderford Cloverly Coldbrook Copperhill Cranmoor Dalemoor Deepwell Dovetree
Eastmarch Elderby Elmstow Fairholm Fallowdale Fenholt Ferngate Foxholt Galewood Glenmarrow Goldenmere
Granary Greyfell Halvard Harrowgate Hartsell Hazelby Heronshaw Highmoor Hollowell Ironbeck Junewood
Kestrelby Kingsmarrow Lakemoor Lanternby Larkhill Limewood Lindholm Marlowby Meadowby Millrace Mossfield
Northolm Oakhurst Orchardby Otterburn Pinefell Quarryby Ravensholt Redmoor Ridgeway Rookwood Rowanby
Saltmere Sandholm Silverbeck Skylarkby Slatehill Southmoor Sparrowby Stonefell Summerby Swiftwater
Tallowby Thornby Timberley Underhill Vinefield Wakeholm Wellmarch Westering Whitlow Wildmere Willowby
Windfell Wrenfield Yarrowby
""".split()  # noqa: SIM905

COMPANY_SECOND: Final = """
Analytics Bakeries Brewing Builders Care Ceramics Chemicals Clinics Coatings Components Couriers Dairies
Designs Diagnostics Distribution Energy Engineering Fabrics Farms Fittings Foods Freight Furniture Glass
Grain Hardware Homes Hotels Instruments Insulation Interiors Labs Lighting Linen Logistics Machines Marine
Materials Media Metals Mills Motors Optics Orchards Packaging Paper Partners Pharma Plastics Ports Power
Press Pumps Rail Recycling Robotics Schools Seeds Software Stone Stores Systems Textiles Timber Tools Toys
Transport Travel Valves Water Wholesale Works
""".split()  # noqa: SIM905

COMPANY_THIRD: Final = """
North South East West Group Nordic Baltic Alpine Coastal Central Valley Harbour Island Lakes Uplands
""".split()  # noqa: SIM905

PERSON_FIRST: Final = """
Ada Aino Alba Amir Ana Anton Arvid Astrid Aziz Bea Bela Bram Carla Cato Chidi Clara Dalia Dario Dilan Edda
Elif Elsa Emeka Enzo Eva Farah Felix Filip Frida Gita Greta Hana Hugo Ida Ilse Imran Ines Ivo Jana Jonas
Juno Kaya Kenji Lars Leila Lina Luca Maja Malik Marta Mei Mila Nadia Nils Noor Olga Omar Otto Paula Petra
Rafael Rana Rosa Ruben Samir Sara Selma Sven Tara Teo Tilda Uma Vera Viggo Wanda Yara Yusuf Zara Zoe
""".split()  # noqa: SIM905

PERSON_LAST: Final = """
Abara Adler Ahlgren Almeida Anders Aydin Baker Barros Bergman Bianchi Bloom Borg Castell Chandra Cole
Conti Cruz Dahl Demir Dietz Duarte Eklund Ercan Falk Farkas Ferro Fischer Flint Forsberg Gallo Garcia
Gruber Haas Hakala Hansen Hart Heller Holm Horvat Ibe Iqbal Jansen Jensen Kaplan Keller Kerr Khan Koch
Kovacs Krause Kumar Lang Lehto Lind Lopes Lund Maas Marino Mensah Meyer Moreau Murphy Nagy Navarro Nilsen
Novak Nunes Obi Olsen Ortega Palmer Park Pereira Perez Popov Quist Rahman Ramos Reyes Ricci Riva Rossi
Sato Schmid Silva Soto Stern Strand Sund Szabo Takala Tanaka Torres Urban Vance Varga Vega Vogel Weber
Wolf Yilmaz Zeller
""".split()  # noqa: SIM905

INDUSTRIES: Final = (
    "manufacturing",
    "wholesale",
    "logistics",
    "healthcare",
    "hospitality",
    "construction",
    "software",
    "education",
)
COUNTRIES: Final = ("DE", "AT", "FR", "NL", "SE", "GB", "ES", "IT")
ROLES: Final = (
    "controller",
    "finance director",
    "accountant",
    "operations lead",
    "analyst",
    "assistant",
    "IT lead",
    "buyer",
)

OUTCOMES: Final = (
    ("days to close the books", "days", 9.0, 5.0),
    ("invoices matched without help", "%", 40.0, 85.0),
    ("hours spent on the monthly report", "hours", 30.0, 8.0),
    ("payments made on time", "%", 70.0, 95.0),
    ("errors found by the auditor", "errors", 24.0, 6.0),
)

SAID: Final[dict[str, tuple[str, ...]]] = {
    "harm": (
        "Our May figures were overwritten and nobody has told us what you will do about it.",
        "We lost two days of postings. We got the procedure, but no apology and no repair.",
        "You charged us twice and I have explained it to four different people by now.",
        "The wrong balances went to our auditor. We are still waiting for a word from you.",
        "It broke on our closing day and the answer was a link to an article.",
        "I have asked three times when our missing records come back.",
    ),
    "mended": (
        "The outage hurt, but you called the same day and put it right.",
        "You admitted the mistake, restored our data and stayed until it matched. Thank you.",
        "It went wrong, you said so before we did, and it was repaired by the evening.",
    ),
    "captive": (
        "We would leave if moving eight years of history were not so much work.",
        "We stay because changing everything again would cost more than this does.",
        "There is nothing else that talks to our old warehouse system, so here we are.",
        "Nobody here likes it, but the contract and the interfaces keep us.",
    ),
    "short": (
        "We bought this to close faster and it takes us as long as before.",
        "The reports still end up in a spreadsheet, which is what we wanted to stop.",
        "We have not seen the saving that we were promised at the start.",
        "With several entities it is unclear which steps we still have to do by hand.",
        "Half of our team never got past the first screens.",
    ),
    "met": (
        "We close in five days now, it was nine before.",
        "Month end used to ruin our weekends. It does not any more.",
        "Matching runs by itself and my team looks only at the exceptions.",
        "Our auditor asked for nothing this year, which has never happened before.",
    ),
    "liked": (
        "It looks good and is quick to find your way around in.",
        "Pleasant to work with, I like the new start page.",
        "The people at your company are friendly and the screens are clear.",
    ),
    "disliked": (
        "The new colours and menus are not to our taste.",
        "Too many clicks for simple things.",
        "I do not enjoy working in it, though it does what it must.",
    ),
}

QUESTIONS: Final = (
    "How do I match one payment to several invoices?",
    "The export leaves out the cost centre, where do I set it?",
    "A new colleague cannot see the approval list.",
    "The import of our bank file stops at line 412.",
    "Can we change the closing calendar for one entity only?",
    "The report shows last month although the period is closed.",
    "Which role may release payments above the limit?",
    "The reminder went to a person who has left us.",
)

COMPLAINTS: Final = (
    "Our figures were overwritten last night.",
    "Postings of two days are missing.",
    "We were charged twice.",
    "Wrong balances in the report for our auditor.",
    "Nothing opens on our closing day.",
)

AGENDAS: Final = (
    ("Look at the last three closings and choose the slowest step", "One step to shorten, with a date"),
    ("Go through unmatched invoices of the month together", "Two rules that match the most of them"),
    ("Hear from the controller what the report still lacks", "A list of at most three gaps, in their words"),
    ("Plan the start of the second entity", "A named person and a first date"),
)
