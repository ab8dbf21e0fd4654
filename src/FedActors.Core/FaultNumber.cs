namespace FedActors.Core;

/// <summary>
/// Every failure an operator can meet, one page each in <c>docs/errors.md</c>. Numbers are frozen: they may be added,
/// never changed. 1xxx job file and command line, 2xxx data, 3xxx storage, 4xxx rounds, 5xxx secure aggregation,
/// 6xxx privacy, 7xxx nodes and network, 9xxx faults of FedActors itself.
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
    Usage = 1010,
    MetricNotOfModel = 1040,
    OutcomeNotOfModel = 1041,
    NeedsSingleUpdates = 1050,

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
    TimeNotPositive = 2020,
    NoEvents = 2021,

    OutputUnwritable = 3001,
    OutputInUse = 3002,
    OutputHoldsAnotherJob = 3003,
    JournalFailed = 3004,
    BlobDamaged = 3005,
    ReportFailed = 3006,
    ResultUnreadable = 3007,

    TooFewHospitals = 4001,
    HospitalRequired = 4002,
    JobFailed = 4003,
    NotFinite = 4004,
    Singular = 4005,
    Interrupted = 4006,
    SumContradicts = 4007,

    // 5000 + the number of SecureAggregation.AbortCode.
    SecaggTooFew = 5001,
    SecaggBadCertificate = 5002,
    SecaggBadSignature = 5003,
    SecaggDuplicateKey = 5004,
    SecaggOwnAdvertAltered = 5005,
    SecaggViewMismatch = 5006,
    SecaggWeakParameters = 5007,
    SecaggModelMismatch = 5008,
    SecaggModelChainBroken = 5009,
    SecaggStaleRound = 5010,
    SecaggLedgerConflict = 5011,
    SecaggBadShare = 5012,
    SecaggNotEnoughSignatures = 5013,
    SecaggEquivocation = 5014,
    SecaggShareUnrecoverable = 5015,
    SecaggBadSum = 5016,
    SecaggOverflow = 5017,
    SecaggNotFinite = 5018,
    SecaggBudgetExhausted = 5019,
    SecaggDeadlinePassed = 5020,
    SecaggMalformed = 5021,
    SecaggNotInvited = 5022,
    SecaggBadKey = 5023,
    SecaggWrongPhase = 5024,
    SecaggSecretsLost = 5025,
    SecaggBadUpload = 5026,
    SecaggPlanMismatch = 5027,

    EpsilonOutOfRange = 6001,
    DeltaOutOfRange = 6002,
    SamplingRateOutOfRange = 6003,
    NoiseMultiplierOutOfRange = 6004,
    StepsOutOfRange = 6005,
    BudgetOutOfReach = 6006,
    EventNotAccounted = 6007,
    BudgetExhausted = 6010,
    ModeNotAllowed = 6011,
    NoiseBelowPolicy = 6012,
    SamplingAbovePolicy = 6013,
    SurvivorsBelowPolicy = 6014,
    RoundsAbovePolicy = 6015,
    CohortBelowPolicy = 6016,
    PatientsBelowPolicy = 6017,
    SecureSumsRequired = 6018,
    JobNotAllowed = 6019,
    JobBudgetAbovePolicy = 6020,
    GrantExhausted = 6021,
    LedgerUnavailable = 6022,
    LedgerLocked = 6023,
    LedgerDamaged = 6024,
    LedgerRollback = 6025,
    LedgerMissing = 6026,
    LedgerOfAnotherScope = 6027,
    PlanChanged = 6028,
    AccountantDisagreement = 6029,
    PrivacyNotTrained = 6030,
    ClipOutOfRange = 6031,
    NoiseOrEpsilon = 6032,
    ModeNeedsOtherSettings = 6033,
    PolicyMissing = 6034,
    PolicyContradicts = 6035,
    UnitMismatch = 6036,
    NoiseShareTooSmall = 6050,

    SimulationOnly = 7001,

    Unexpected = 9001,
}

public static class FaultNumbers
{
    /// <summary>The printed form, <c>FA-1001</c>.</summary>
    public static string Code(this FaultNumber number) => $"FA-{(int)number:0000}";

    /// <summary>Whether a hospital's policy or privacy ledger said no: nothing failed, and the exe exits with 2.</summary>
    public static bool IsRefusal(this FaultNumber number) =>
        number is (>= FaultNumber.BudgetExhausted and <= FaultNumber.AccountantDisagreement) or FaultNumber.PolicyMissing or FaultNumber.UnitMismatch;
}
