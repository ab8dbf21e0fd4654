namespace FedActors.Core;

/// <summary>
/// Every failure an operator can meet, one page each in <c>docs/errors.md</c>. Numbers are frozen: they may be added,
/// never changed. 1xxx job file and command line, 2xxx data, 3xxx storage, 4xxx rounds, 5xxx secure aggregation,
/// 6xxx privacy, 7xxx nodes and network.
/// </summary>
public enum FaultNumber
{
    JobFileMissing = 1001,
    JobFileUnreadable = 1002,
    UnknownKey = 1003,
    WrongType = 1004,
    ValueOutOfRange = 1005,
    MissingKey = 1006,
    UnknownName = 1007,
    NotAllowedTogether = 1008,
    DuplicateName = 1009,

    DataFileMissing = 2001,
    MissingColumn = 2002,
    UnknownColumn = 2003,
    NotANumber = 2004,
    ValueNotAllowed = 2005,
    EmptyHospital = 2006,
    OneClassOnly = 2007,
    RowMalformed = 2008,
    UnknownHospital = 2009,
    DataNotGiven = 2010,
    ChecksumDiffers = 2011,
    ConstantColumn = 2012,

    OutputUnwritable = 3001,
    OutputInUse = 3002,
    OutputHoldsAnotherJob = 3003,
    JournalFailed = 3004,
    BlobDamaged = 3005,
    ReportFailed = 3006,

    TooFewHospitals = 4001,
    HospitalRequired = 4002,
    JobFailed = 4003,
    NotFinite = 4004,
    Singular = 4005,

    EpsilonOutOfRange = 6001,
    DeltaOutOfRange = 6002,
    SamplingRateOutOfRange = 6003,
    NoiseMultiplierOutOfRange = 6004,
    StepsOutOfRange = 6005,
    BudgetOutOfReach = 6006,
    EventNotAccounted = 6007,
}

public static class FaultNumbers
{
    /// <summary>The printed form, <c>FA-1001</c>.</summary>
    public static string Code(this FaultNumber number) => $"FA-{(int)number:0000}";
}
